// Pixel buffers of other formats and orientations, and models by name from a bundle.

#if canImport(CoreMLReplay)
  import CoreML
  import CoreMLReplay
  import PalmCore
  import XCTest

  @testable import PalmKit

  final class PicturesTests: XCTestCase {
    private var fixtures: Fixtures!
    private var folder: URL!

    override func setUpWithError() throws {
      let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
      fixtures = try Fixtures(folder: tests.appendingPathComponent("Fixtures"))
      let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("pictures-\(UUID().uuidString)")
      self.folder = folder
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      addTeardownBlock { try? FileManager.default.removeItem(at: folder) }
    }

    /// A buffer filled from the bytes of a plane, or of the whole picture.
    private func buffer(_ size: ImageSize, _ format: OSType, _ rows: [[[UInt8]]]) throws
      -> CVPixelBuffer
    {
      var made: CVPixelBuffer?
      XCTAssertEqual(
        CVPixelBufferCreate(nil, size.width, size.height, format, nil, &made), kCVReturnSuccess)
      let buffer = try XCTUnwrap(made)
      CVPixelBufferLockBaseAddress(buffer, [])
      defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
      for (plane, lines) in rows.enumerated() {
        let packed = rows.count == 1
        let base = try XCTUnwrap(
          packed
            ? CVPixelBufferGetBaseAddress(buffer)
            : CVPixelBufferGetBaseAddressOfPlane(buffer, plane))
        let step =
          packed
          ? CVPixelBufferGetBytesPerRow(buffer) : CVPixelBufferGetBytesPerRowOfPlane(buffer, plane)
        for (y, line) in lines.enumerated() {
          line.withUnsafeBytes {
            (base + y * step).copyMemory(from: $0.baseAddress!, byteCount: line.count)
          }
        }
      }
      return buffer
    }

    private func tracker() async throws -> HandTracker {
      var options = HandTracker.Options()
      options.follows = false
      let pair = try XCTUnwrap(fixtures.manifest.pipeline)
      return try await HandTracker.load(
        palm: fixtures.folder.appendingPathComponent(fixtures.model(pair.palm).package),
        landmarks: fixtures.folder.appendingPathComponent(fixtures.model(pair.hand).package),
        options: options, store: try ModelStore(folder: folder.appendingPathComponent("models")))
    }

    func testAnotherOrderAndOrientationFindTheSameHands() async throws {
      let tracker = try await tracker()
      let image = try fixtures.image(
        try XCTUnwrap(fixtures.manifest.cases.first { $0.name == "two" }).image)
      let expected = try tracker.hands(in: makePixelBuffer(image))
      XCTAssertEqual(expected.count, 2)
      // stored lying on its left side, as a phone's camera stores an upright picture, in RGBA
      let (width, height) = (image.size.width, image.size.height)
      let rows = (0..<width).map { row in
        (0..<height).flatMap { column -> [UInt8] in
          let start = 4 * (column * width + width - 1 - row)
          let pixel = image.bytes[start..<start + 4]
          return [pixel[start + 2], pixel[start + 1], pixel[start], 0]
        }
      }
      let stored = try buffer(
        ImageSize(width: height, height: width), kCVPixelFormatType_32RGBA, [rows])
      XCTAssertThrowsError(try tracker.hands(in: stored, orientation: .left))  // not recorded
      XCTAssertEqual(try tracker.hands(in: stored, orientation: .right), expected)
    }

    func testACamerasPlanesByTheMatrixThatTheyName() throws {
      let luma: [[UInt8]] = [[16, 235, 81, 145], [41, 128, 200, 60]]
      let source = try buffer(
        ImageSize(width: 4, height: 2), kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange,
        [luma, [[90, 240, 54, 34]]])
      let target = try makePixelBuffer(ImageSize(width: 4, height: 2))
      // the first pixel's red by ITU-R's formulas: 178.755, 200.787
      let cases: [(String?, UInt8)] = [
        (nil, 179), (kCVImageBufferYCbCrMatrix_ITU_R_709_2, 201),
        (kCVImageBufferYCbCrMatrix_ITU_R_601_4, 179),
      ]
      for (name, red) in cases {
        if let name {
          CVBufferSetAttachment(source, kCVImageBufferYCbCrMatrixKey, name, .shouldPropagate)
        }
        try writeUpright(source, .up, to: target)
        try withPixels(of: target) {
          XCTAssertEqual($0.base.load(fromByteOffset: 2, as: UInt8.self), red)
        }
      }
      CVBufferSetAttachment(source, kCVImageBufferYCbCrMatrixKey, "Other", .shouldPropagate)
      XCTAssertThrowsError(try writeUpright(source, .up, to: target)) {
        XCTAssertTrue("\($0)".contains("matrix is Other, expected BT.601"), "\($0)")
      }
    }

    func testModelsOfABundleAreFoundByName() async throws {
      let pair = try XCTUnwrap(fixtures.manifest.pipeline)
      let palm = fixtures.folder.appendingPathComponent(try fixtures.model(pair.palm).package)
      let hand = fixtures.folder.appendingPathComponent(try fixtures.model(pair.hand).package)
      // as in an app after Xcode has compiled both
      for package in [palm, hand] {
        let compiled = try await MLModel.compileModel(at: package)
        try FileManager.default.moveItem(
          at: compiled, to: folder.appendingPathComponent(compiled.lastPathComponent))
      }
      let bundle = try XCTUnwrap(Bundle(path: folder.path))
      let store = try ModelStore(folder: folder.appendingPathComponent("store"))
      let tracker = try await HandTracker.load(
        palm: "TinyPalm", landmarks: "TinyHand", in: bundle, store: store)
      XCTAssertEqual(tracker.palmInfo.kind, .palm)
      // nothing was compiled again
      XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: store.folder.path), [])
      do {
        _ = try await HandTracker.load(palm: "TinyPalm", landmarks: "None", in: bundle)
        XCTFail("no error")
      } catch {
        XCTAssertTrue("\(error)".contains("has no model None: add None.mlpackage"), "\(error)")
      }
    }
  }
#endif
