// Runs one record through one model, compares every output with the recorded one, saves it raw.
//
// The device judges only form: an output fails if it is missing, of another type or shape, not
// finite, or constant although the record is not. Python judges the differences.

import Foundation
import PalmCore
import PalmKit

#if canImport(CoreML)
  import CoreML

  extension HarnessRun {
    /// Predicts on the record's input and compares. Returns a document with the added rows.
    public func parity(
      _ record: FixtureRecord, _ job: Job, _ runner: CoreMLRunner
    ) throws -> Results {
      do {
        let picture = try makePixelBuffer(fixtures.image(record.input))
        guard let outputs = try pooled({ try runner.predict([picture]) }).first else {
          throw PalmError.invalidModel("\(job.model.name): returned no prediction")
        }
        return try compare(outputs, record, job)
      } catch let error as PalmError {
        let message = PalmError.invalidTensor("\(record.name): \(error.description)")
        return try fail("parity", model: job.model.name, units: job.units, message)
      }
    }

    private func compare(
      _ outputs: [String: OutputTensor], _ record: FixtureRecord, _ job: Job
    ) throws -> Results {
      var rows: [ParityRow] = []
      var faults: [String] = []
      for port in job.model.outputs {
        guard let expected = record.outputs[port.name] else {
          throw PalmError.invalidFixtures("output \(port.name) was not recorded")
        }
        guard let output = outputs[port.name], output.shape == port.shape,
          output.shape == expected.shape
        else {
          let found = outputs[port.name].map { "shape \($0.shape)" } ?? "nothing"
          faults.append("output \(port.name): \(found), expected shape \(expected.shape)")
          continue
        }
        let reference = try fixtures.values(expected)
        let found = try TensorComparison(reference: reference, candidate: output.values)
        if found.nonFinite > 0 {
          faults.append(
            "output \(port.name): \(found.nonFinite) of \(found.count) values are not finite")
        }
        if found.isConstant, Set(reference).count > 1 {
          faults.append("output \(port.name): all values are \(output.values[0])")
        }
        let path = try store.saveRaw(
          output.values, folder: job.model.name, case: record.name, units: job.units,
          tensor: port.name)
        rows.append(
          ParityRow(
            model: job.model.name, case: record.name, units: job.units.rawValue, tensor: port.name,
            n: found.count, maxAbs: found.maximumError, nanCount: found.nonFinite, rawFile: path))
      }
      return try store.add { results in
        results.models = [facts(of: job.model, outputs)]
        results.parity = rows
        results.failures = faults.map {
          FailureRow(
            stage: "parity", model: job.model.name, units: job.units.rawValue,
            message: "\(record.name): \($0)")
        }
      }
    }

    func facts(of model: FixtureModel, _ outputs: [String: OutputTensor]) -> ModelFacts {
      let (width, height) = (model.width, model.height)
      let image = PortFacts(
        name: "image", dtype: "image", shape: [height, width, 4], strides: [4 * width, 4, 1])
      return ModelFacts(
        name: model.name, file: model.package, sha256: model.sha256, precision: model.precision,
        io: [image] + model.outputs.compactMap { outputs[$0.name]?.facts })
    }
  }

  /// Runs `body` in its own autorelease pool on Apple's systems, because predictions leave objects.
  func pooled<R>(_ body: () throws -> R) rethrows -> R {
    #if canImport(ObjectiveC)
      try autoreleasepool(invoking: body)
    #else
      try body()
    #endif
  }
#endif
