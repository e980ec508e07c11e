// Recorded outputs of one model, found by the picture, so that a wrong crop is noticed.
//
// The fixtures folder is the one that contains the package (FIXTURES.md). The shim parses the
// manifest itself, so that its outputs do not depend on the code under test.

internal import CoreMLReplay
import Foundation

final class Replay {
  private struct Record {
    let name: String
    let pixels: [UInt8]
    let width: Int
    let height: Int
    let outputs: [String: (shape: [Int], values: [Float])]
  }

  /// A picture that differs by more than this many levels on average is not the recorded one.
  static let nearEnough = 2.0

  let description: MLModelDescription
  private let records: [Record]
  private let model: String

  init(package: URL) throws {
    let folder = try Self.fixtures(of: package)
    let manifest = try Self.object(
      JSONSerialization.jsonObject(
        with: Data(contentsOf: folder.appendingPathComponent("manifest.json"))))
    let models = try (manifest["models"] as? [Any] ?? []).map { try Self.object($0) }
    guard
      let facts = models.first(where: { facts in
        guard let path = facts["package"] as? String else { return false }
        return folder.appendingPathComponent(path).standardizedFileURL.path
          == package.standardizedFileURL.path
      }), let name = facts["name"] as? String
    else { throw ShimError("\(package.path): not one of the fixtures' packages") }
    model = name
    description = try Self.describe(facts)
    records = try (manifest["records"] as? [Any] ?? []).map { try Self.object($0) }
      .filter { $0["model"] as? String == name }
      .map { try Self.record($0, folder) }
  }

  /// The outputs recorded for `image`, damaged if a fault is planted.
  func answer(_ image: CVPixelBuffer) throws -> any MLFeatureProvider {
    let index = try find(try packed(image))
    var values: [String: Any] = [:]
    let fault = ReplayFault.current
    for (name, output) in records[index].outputs {
      let other = records[(index + 1) % records.count].outputs[name]
      if let array = fault.apply(output, other: other) {
        values[name] = MLFeatureValue(multiArray: MLMultiArray(array))
      }
    }
    return try MLDictionaryFeatureProvider(dictionary: values)
  }

  private func find(_ pixels: [UInt8]) throws -> Int {
    if let index = records.firstIndex(where: { $0.pixels == pixels }) { return index }
    var best: (index: Int, distance: Double)?
    for (index, record) in records.enumerated() where record.pixels.count == pixels.count {
      var sum = 0
      for (a, b) in zip(record.pixels, pixels) {
        sum += abs(Int(a) - Int(b))
      }
      let distance = Double(sum) / Double(max(pixels.count, 1))
      if best.map({ distance < $0.distance }) ?? true {
        best = (index, distance)
      }
    }
    guard let best else { throw ShimError("\(model): no recorded picture has this size") }
    guard best.distance <= Self.nearEnough else {
      throw ShimError(
        "\(model): nothing is recorded for this picture; the nearest is \(records[best.index].name), "
          + "\(best.distance) levels away on average")
    }
    return best.index
  }

  private func packed(_ image: CVPixelBuffer) throws -> [UInt8] {
    guard CVPixelBufferGetPixelFormatType(image) == kCVPixelFormatType_32BGRA else {
      throw ShimError("the picture is not 32BGRA")
    }
    CVPixelBufferLockBaseAddress(image, .readOnly)
    defer { CVPixelBufferUnlockBaseAddress(image, .readOnly) }
    guard let base = CVPixelBufferGetBaseAddress(image) else {
      throw ShimError("cannot lock the picture")
    }
    let row = 4 * CVPixelBufferGetWidth(image)
    var pixels: [UInt8] = []
    for y in 0..<CVPixelBufferGetHeight(image) {
      let start = base + y * CVPixelBufferGetBytesPerRow(image)
      pixels.append(contentsOf: UnsafeRawBufferPointer(start: start, count: row))
    }
    return pixels
  }

  private static func fixtures(of package: URL) throws -> URL {
    var folder = package.deletingLastPathComponent()
    for _ in 0..<4 {
      let manifest = folder.appendingPathComponent("manifest.json")
      if FileManager.default.fileExists(atPath: manifest.path) { return folder }
      folder.deleteLastPathComponent()
    }
    throw ShimError("\(package.path): not in a fixtures folder")
  }

  private static func describe(_ facts: [String: Any]) throws -> MLModelDescription {
    guard let width = facts["width"] as? Int, let height = facts["height"] as? Int else {
      throw ShimError("a model in the manifest has no size")
    }
    var outputs: [String: MLFeatureDescription] = [:]
    for port in facts["outputs"] as? [[String: Any]] ?? [] {
      guard let name = port["name"] as? String, let shape = port["shape"] as? [Int] else {
        throw ShimError("an output in the manifest has no name or shape")
      }
      outputs[name] = MLFeatureDescription(
        name: name, multiArray: MLMultiArrayConstraint(shape: shape, dataType: .float32))
    }
    var spec: [String: Any] = ["family": facts["kind"] ?? "", "input_size": [height, width]]
    for key in ["palm", "hand"] {
      spec.merge(facts[key] as? [String: Any] ?? [:]) { $1 }
    }
    let text = String(
      decoding: try JSONSerialization.data(withJSONObject: spec, options: [.sortedKeys]),
      as: UTF8.self)
    let defined = [
      "blazepalm.spec": text, "blazepalm.face": "app",
      "blazepalm.release": facts["name"] as? String ?? "",
    ]
    let image = MLImageConstraint(pixelsWide: width, pixelsHigh: height)
    return MLModelDescription(
      inputs: ["image": MLFeatureDescription(name: "image", image: image)], outputs: outputs,
      metadata: [.creatorDefinedKey: defined])
  }

  private static func record(_ entry: [String: Any], _ folder: URL) throws -> Record {
    let input = try object(entry["input"])
    guard let name = entry["name"] as? String, let file = input["file"] as? String,
      let width = input["width"] as? Int, let height = input["height"] as? Int
    else { throw ShimError("a record in the manifest has no name or input") }
    var outputs: [String: (shape: [Int], values: [Float])] = [:]
    for (key, value) in try object(entry["outputs"]) {
      let tensor = try object(value)
      guard let path = tensor["file"] as? String, let shape = tensor["shape"] as? [Int] else {
        throw ShimError("output \(key) of record \(name) has no file or shape")
      }
      let data = try Data(contentsOf: folder.appendingPathComponent(path))
      let values = data.withUnsafeBytes { raw in
        (0..<data.count / 4).map {
          Float(bitPattern: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self).littleEndian)
        }
      }
      outputs[key] = (shape, values)
    }
    let pixels = [UInt8](try Data(contentsOf: folder.appendingPathComponent(file)))
    return Record(name: name, pixels: pixels, width: width, height: height, outputs: outputs)
  }

  private static func object(_ value: Any?) throws -> [String: Any] {
    guard let object = value as? [String: Any] else {
      throw ShimError("the manifest does not follow FIXTURES.md")
    }
    return object
  }
}

extension MLMultiArray {
  convenience init(_ array: ReplayedArray) {
    self.init(
      shape: array.shape, strides: array.strides, dataType: array.isInteger ? .int32 : .float32,
      storage: array.bytes)
  }
}
