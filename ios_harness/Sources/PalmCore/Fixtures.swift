// A fixtures folder, checked against its manifest before any of it is used.
//
//   Fixtures/
//     manifest.json                              format, SHA-256 of every file, and the rest of this list
//     models/<Name>.mlpackage/…                  Core ML packages, face `app`
//     images/<case>.bgra                         pictures
//     cases/<case>/<stage>.bin                   expected result of each stage
//     records/<model>/<record>.bgra              inputs of single models
//     records/<model>/<record>/<output>.bin      their recorded outputs
//     decoders/<name>/…  sequences/<name>/…      raw detector outputs; tracking
//     run.json                                   the default run configuration, optional
//
// `.bin` is little-endian float32; `.bgra` is four bytes per pixel. FIXTURES.md has the details.

import Foundation

/// A fixtures folder.
public struct Fixtures: Sendable {
  /// The maximum size of a file in bytes.
  public static let mostBytes = 1 << 28

  /// The folder.
  public let folder: URL
  /// Its contents.
  public let manifest: FixtureManifest
  /// The SHA-256 of `manifest.json` itself.
  public let manifestSHA256: String
  private let checked = CheckedFiles()

  /// Reads the manifest of `folder`.
  ///
  /// Throws ``PalmError/invalidFixtures(_:)`` if it is missing, has another format, or lists a
  /// path outside the folder.
  public init(folder: URL) throws {
    let url = folder.appendingPathComponent("manifest.json")
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw PalmError.invalidFixtures(
        "\(url.path): cannot be read; run `blazepalm golden export-ios -o App/Fixtures` first")
    }
    do {
      manifest = try JSONDecoder().decode(FixtureManifest.self, from: data)
    } catch {
      throw PalmError.invalidFixtures(
        "\(url.path): not a fixtures manifest (\(Self.reason(error))); export the fixtures again")
    }
    guard manifest.format == FixtureManifest.format else {
      throw PalmError.invalidFixtures(
        "\(url.path): format \(manifest.format), expected \(FixtureManifest.format); export the "
          + "fixtures with the blazepalm of this checkout")
    }
    for path in manifest.files.keys where !Self.isInside(path) {
      throw PalmError.invalidFixtures("\(url.path): lists \(path), which is outside the folder")
    }
    self.folder = folder
    manifestSHA256 = SHA256Digest.hex(of: data)
  }

  /// Checks the SHA-256 of every file.
  ///
  /// Throws ``PalmError/invalidFixtures(_:)`` for the first file that is missing or altered, and
  /// if there is nothing to compare.
  public func verify() throws {
    guard !manifest.models.isEmpty, !manifest.records.isEmpty else {
      throw PalmError.invalidFixtures(
        "\(folder.path): no models or no records; export the fixtures again with at least one of "
          + "each")
    }
    for path in manifest.files.keys.sorted() {
      _ = try bytes(path)
    }
  }

  /// The bytes of a file; the first read checks its SHA-256.
  ///
  /// Throws ``PalmError/invalidFixtures(_:)`` if the file is missing, altered, too large or not
  /// in the manifest.
  public func bytes(_ path: String) throws -> [UInt8] {
    guard let expected = manifest.files[path] else {
      throw PalmError.invalidFixtures("\(path): not in the manifest's list of files")
    }
    let url = folder.appendingPathComponent(path)
    guard let data = try? Data(contentsOf: url), data.count <= Self.mostBytes else {
      throw PalmError.invalidFixtures(
        "\(url.path): cannot be read; export the fixtures again, and copy the whole folder")
    }
    if !checked.contains(path) {
      let found = SHA256Digest.hex(of: data)
      guard found == expected else {
        throw PalmError.invalidFixtures(
          "\(url.path): its SHA-256 is \(found.prefix(12))…, the manifest says "
            + "\(expected.prefix(12))…; export the fixtures again")
      }
      checked.insert(path)
    }
    return [UInt8](data)
  }

  /// The values of a tensor, in row-major order.
  ///
  /// Throws ``PalmError/invalidFixtures(_:)`` as ``bytes(_:)`` does, and if the file's size does
  /// not match the shape.
  public func values(_ tensor: FixtureTensor) throws -> [Float] {
    let bytes = try bytes(tensor.file)
    var count = 1
    for axis in tensor.shape {
      guard axis >= 0, axis <= Self.mostBytes else {
        throw PalmError.invalidFixtures("\(tensor.file): shape \(tensor.shape) is invalid")
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: axis)
      guard !overflow else {
        throw PalmError.invalidFixtures("\(tensor.file): shape \(tensor.shape) is invalid")
      }
      count = product
    }
    guard bytes.count % 4 == 0, bytes.count / 4 == count else {
      throw PalmError.invalidFixtures(
        "\(tensor.file): \(bytes.count) bytes do not hold float32 values of shape \(tensor.shape)")
    }
    return floats(littleEndian: bytes)
  }

  /// A picture.
  ///
  /// Throws ``PalmError`` as ``bytes(_:)`` does, and if the file's size is not the picture's.
  public func image(_ image: FixtureImage) throws -> BGRAImage {
    try BGRAImage(size: image.size, bytes: bytes(image.file))
  }

  /// The model with this name.
  ///
  /// Throws ``PalmError/invalidFixtures(_:)`` if there is none.
  public func model(_ name: String) throws -> FixtureModel {
    guard let model = manifest.models.first(where: { $0.name == name }) else {
      let names = manifest.models.map(\.name).joined(separator: ", ")
      throw PalmError.invalidFixtures("the fixtures have no model \(name); choose one of \(names)")
    }
    return model
  }

  private static func isInside(_ path: String) -> Bool {
    !path.hasPrefix("/") && !path.split(separator: "/").contains("..") && !path.isEmpty
  }

  private static func reason(_ error: Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): return "no \(key.stringValue)"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      return path.isEmpty ? "not JSON" : "\(path) has the wrong type"
    default: return "\(error)"
    }
  }
}

/// The files whose digests have been verified.
private final class CheckedFiles: @unchecked Sendable {
  private let lock = NSLock()
  private var paths: Set<String> = []

  func contains(_ path: String) -> Bool {
    lock.withLock { paths.contains(path) }
  }

  func insert(_ path: String) {
    lock.withLock { _ = paths.insert(path) }
  }
}

/// Little-endian float32 values.
public func floats(littleEndian bytes: [UInt8]) -> [Float] {
  bytes.withUnsafeBytes { raw in
    (0..<bytes.count / 4).map { index in
      let bits = raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
      return Float(bitPattern: UInt32(littleEndian: bits))
    }
  }
}

/// Values as little-endian float32.
public func littleEndianBytes(_ values: [Float]) -> Data {
  var data = Data(capacity: 4 * values.count)
  for value in values {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
  }
  return data
}

/// Packed x, y, z values → points. The stride of `SIMD3<Float>` is 16 bytes, so the values are
/// copied one by one.
public func points(packed values: some Collection<Float>) -> [SIMD3<Float>] {
  let values = Array(values)
  return (0..<values.count / 3).map {
    SIMD3(values[3 * $0], values[3 * $0 + 1], values[3 * $0 + 2])
  }
}
