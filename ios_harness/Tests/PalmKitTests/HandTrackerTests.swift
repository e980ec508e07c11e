// The tracker end to end on replayed models, and its error messages.

#if canImport(CoreMLReplay)
  import CoreML
  import CoreMLReplay
  import PalmCore
  import PalmKit
  import XCTest

  final class HandTrackerTests: XCTestCase {
    private var store: ModelStore!

    override func setUpWithError() throws {
      let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("models-\(UUID().uuidString)")
      store = try ModelStore(folder: folder)
      addTeardownBlock { try? FileManager.default.removeItem(at: folder) }
    }

    private func fixtures() throws -> Fixtures {
      let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
      return try Fixtures(folder: tests.appendingPathComponent("Fixtures"))
    }

    private func tracker(_ fixtures: Fixtures, follows: Bool = false) async throws -> HandTracker {
      var options = HandTracker.Options()
      options.follows = follows
      let pair = try XCTUnwrap(fixtures.manifest.pipeline)
      return try await HandTracker.load(
        palm: fixtures.folder.appendingPathComponent(fixtures.model(pair.palm).package),
        landmarks: fixtures.folder.appendingPathComponent(fixtures.model(pair.hand).package),
        options: options, store: store)
    }

    private func message(_ body: () async throws -> Void) async -> String {
      do { try await body() } catch { return "\(error)" }
      XCTFail("no error")
      return ""
    }

    func testHandsAreThoseOfThePythonPipeline() async throws {
      let fixtures = try fixtures()
      let tracker = try await tracker(fixtures)
      var found = 0
      for name in fixtures.manifest.cases {
        let hands = try tracker.hands(in: makePixelBuffer(fixtures.image(name.image)))
        let landmarks = try fixtures.values(try XCTUnwrap(name.landmarks))
        let world = try fixtures.values(try XCTUnwrap(name.world))
        let presence = try fixtures.values(try XCTUnwrap(name.presence))
        let handedness = try fixtures.values(try XCTUnwrap(name.handedness))
        XCTAssertEqual(hands.map(\.confidence), presence)
        XCTAssertEqual(hands.map(\.handednessScore), handedness)
        for (a, b) in zip(hands.flatMap(\.landmarks), points(packed: landmarks)) {
          XCTAssertEqual(a.x, b.x, accuracy: 1e-5)
          XCTAssertEqual(a.y, b.y, accuracy: 1e-5)
          XCTAssertEqual(a.z, b.z, accuracy: 1e-5)
        }
        for (a, b) in zip(hands.flatMap { $0.worldLandmarks ?? [] }, points(packed: world)) {
          XCTAssertEqual(a.x, b.x, accuracy: 1e-5)
          XCTAssertEqual(a.y, b.y, accuracy: 1e-5)
          XCTAssertEqual(a.z, b.z, accuracy: 1e-5)
        }
        found += hands.count
      }
      XCTAssertEqual(found, 4)
      XCTAssertGreaterThan(tracker.timings.total, 0)
    }

    func testAFollowedHandNeedsNoDetector() async throws {
      let fixtures = try fixtures()
      let tracker = try await tracker(fixtures, follows: true)
      tracker.maximumHands = 1
      let name = try XCTUnwrap(fixtures.manifest.cases.first { $0.name == "one" })
      let picture = try makePixelBuffer(fixtures.image(name.image))
      XCTAssertEqual(try tracker.hands(in: picture).count, 1)
      XCTAssertEqual(tracker.palms.count, 1)
      // nothing is recorded for the next region: the tracker did not run the detector
      let text = await message { _ = try tracker.hands(in: picture) }
      XCTAssertTrue(text.contains("nothing is recorded"), text)
      XCTAssertEqual(tracker.palms, [])
      // after an error the tracker starts afresh
      XCTAssertEqual(try tracker.hands(in: picture).count, 1)
    }

    func testASwappedPairIsRefused() async throws {
      let fixtures = try fixtures()
      let text = await message {
        _ = try await HandTracker.load(
          palm: fixtures.folder.appendingPathComponent(fixtures.model("tiny-hand").package),
          landmarks: fixtures.folder.appendingPathComponent(fixtures.model("tiny-palm").package),
          store: store)
      }
      XCTAssertTrue(text.contains("in this order"), text)
    }

    func testAMissingPackageSaysWhatToDo() async throws {
      let fixtures = try fixtures()
      let url = fixtures.folder.appendingPathComponent("models/None.mlpackage")
      let text = await message {
        _ = try await HandTracker.load(palm: url, landmarks: url, store: store)
      }
      XCTAssertTrue(text.contains("golden export-ios"), text)
    }

    func testAnotherPixelFormatIsRefused() async throws {
      let tracker = try await tracker(fixtures())
      var buffer: CVPixelBuffer?
      _ = CVPixelBufferCreate(
        nil, 8, 8, kCVPixelFormatType_OneComponent8, nil, &buffer)
      let picture = try XCTUnwrap(buffer)
      let text = await message { _ = try tracker.hands(in: picture) }
      XCTAssertTrue(text.contains("L008") && text.contains("videoSettings"), text)
    }

    func testAPictureOfTheWrongSizeIsRefused() async throws {
      let fixtures = try fixtures()
      let model = try fixtures.model("tiny-palm")
      let compiled = try await store.compiled(
        fixtures.folder.appendingPathComponent(model.package), key: model.sha256)
      let runner = try CoreMLRunner(compiled: compiled.url, units: .all)
      let picture = try makePixelBuffer(ImageSize(width: 47, height: 48))
      let text = await message { _ = try runner.predict([picture]) }
      XCTAssertTrue(text.contains("48 × 48") && text.contains("47 × 48"), text)
    }

    func testPackagesAreCompiledOnceAtAFixedPath() async throws {
      let fixtures = try fixtures()
      let package = fixtures.folder.appendingPathComponent(try fixtures.model("tiny-palm").package)
      let first = try await store.compiled(package, key: "abc")
      XCTAssertNotNil(first.compileMs)
      let second = try await store.compiled(package, key: "abc")
      XCTAssertEqual(second.url, first.url)
      XCTAssertNil(second.compileMs)
      let again = try await store.compiled(package, key: "abc", again: true)
      XCTAssertEqual(again.url, first.url)
      XCTAssertNotNil(again.compileMs)
      let other = try await store.compiled(package, key: "def")
      XCTAssertNotEqual(other.url, first.url)
    }

    func testWhatAnOlderSystemCompiledIsCompiledAgain() async throws {
      let fixtures = try fixtures()
      let package = fixtures.folder.appendingPathComponent(try fixtures.model("tiny-palm").package)
      _ = try await tracker(fixtures)
      let home = try XCTUnwrap(
        FileManager.default.contentsOfDirectory(at: store.folder, includingPropertiesForKeys: nil)
          .first { $0.lastPathComponent.hasPrefix("TinyPalm") })
      let compiled = home.appendingPathComponent("TinyPalm.mlmodelc/package")
      try FileManager.default.removeItem(at: compiled)
      _ = try await tracker(fixtures)
      XCTAssertTrue(FileManager.default.fileExists(atPath: compiled.path))
      XCTAssertTrue(FileManager.default.fileExists(atPath: package.path))
    }

    func testThePlanCountsOperationsWithADevice() async throws {
      let fixtures = try fixtures()
      let package = fixtures.folder.appendingPathComponent(try fixtures.model("tiny-palm").package)
      let compiled = try await store.compiled(package, key: "plan")
      let onCPU = await planShares(compiled: compiled.url, units: .cpuOnly)
      XCTAssertEqual(onCPU, PlanShares(ane: 0, gpu: 0, cpu: 1))
      let shares = await planShares(compiled: compiled.url, units: .all)
      let all = try XCTUnwrap(shares)
      XCTAssertEqual(all.ane, 2.0 / 3, accuracy: 1e-12)
      XCTAssertEqual(all.cpu, 1.0 / 3, accuracy: 1e-12)
    }

    func testBatchesAreAnsweredOneByOne() async throws {
      let fixtures = try fixtures()
      let model = try fixtures.model("tiny-hand")
      let compiled = try await store.compiled(
        fixtures.folder.appendingPathComponent(model.package), key: model.sha256)
      let runner = try CoreMLRunner(compiled: compiled.url, units: .cpuOnly)
      let records = fixtures.manifest.records.filter { $0.model == model.name }
      let pictures = try records.map { try makePixelBuffer(fixtures.image($0.input)) }
      let outputs = try runner.predict(pictures)
      XCTAssertEqual(outputs.count, records.count)
      for (output, record) in zip(outputs, records) {
        let expected = try fixtures.values(try XCTUnwrap(record.outputs["landmarks"]))
        XCTAssertEqual(output["landmarks"]?.values, expected)
      }
      XCTAssertEqual(try runner.predict([]).count, 0)
    }
  }
#endif
