// Which unit Core ML prefers for each operation of a model, from `MLComputePlan`.

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore

  /// The share of a compiled model's operations for which Core ML prefers each unit. Nil before
  /// iOS 17.4, for a model that is not a program, and if the system does not report it.
  public func planShares(compiled url: URL, units: Units) async -> PlanShares? {
    guard #available(iOS 17.4, macOS 14.4, *) else { return nil }
    let configuration = MLModelConfiguration()
    configuration.computeUnits = units.coreML
    guard
      let plan = try? await MLComputePlan.load(contentsOf: url, configuration: configuration),
      case .program(let program) = plan.modelStructure
    else { return nil }
    var counts = (ane: 0, gpu: 0, cpu: 0)
    for function in program.functions.values {
      count(function.block, plan, &counts)
    }
    let total = Double(counts.ane + counts.gpu + counts.cpu)
    guard total > 0 else { return nil }
    return PlanShares(
      ane: Double(counts.ane) / total, gpu: Double(counts.gpu) / total,
      cpu: Double(counts.cpu) / total)
  }

  /// The units that Core ML may use here: `cpu`, `gpu`, `neuralEngine`; empty before iOS 17.
  public func computeDeviceNames() -> [String] {
    guard #available(iOS 17.0, macOS 14.0, *) else { return [] }
    return MLModel.availableComputeDevices.map(deviceName)
  }

  @available(iOS 17.4, macOS 14.4, *)
  private func count(
    _ block: MLModelStructure.Program.Block, _ plan: MLComputePlan,
    _ counts: inout (ane: Int, gpu: Int, cpu: Int)
  ) {
    for operation in block.operations {
      if let usage = plan.deviceUsage(for: operation) {
        switch deviceName(usage.preferred) {
        case "neuralEngine": counts.ane += 1
        case "gpu": counts.gpu += 1
        default: counts.cpu += 1
        }
      }
      for inner in operation.blocks {
        count(inner, plan, &counts)
      }
    }
  }

  @available(iOS 17.0, macOS 14.0, *)
  private func deviceName(_ device: MLComputeDevice) -> String {
    switch device {
    case .cpu: "cpu"
    case .gpu: "gpu"
    case .neuralEngine: "neuralEngine"
    @unknown default: "other"
    }
  }
#endif
