// The camera screen's finder and the benchmark screen's run, on replayed models.

#if canImport(CoreMLReplay)
  import CoreML
  import CoreMLReplay
  import PalmCore
  import PalmHarness
  import PalmKit
  import PalmScreens
  import XCTest

  final class LiveTests: XCTestCase {
    private var folder: URL!
    private var store: ModelStore!

    override func setUpWithError() throws {
      let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("screens-\(UUID().uuidString)")
      self.folder = folder
      store = try ModelStore(folder: folder.appendingPathComponent("models"))
      addTeardownBlock { try? FileManager.default.removeItem(at: folder) }
    }

    func testFramesAreReported() async throws {
      let fixtures = try fixtures()
      var choice = TrackerChoice()
      choice.follows = false
      let tracker = try await loadTracker(choice, from: fixtures, store: store)
      let finder = LiveFinder()
      let picture = try XCTUnwrap(fixtures.manifest.cases.first { $0.name == "two" }).image
      let frame = try makePixelBuffer(fixtures.image(picture))
      XCTAssertNil(try finder.report(on: frame, at: 0))
      finder.use(tracker)
      var report = try XCTUnwrap(try finder.report(on: frame, at: 1))
      XCTAssertEqual(report.hands.count, 2)
      XCTAssertEqual(report.picture, picture.size)
      XCTAssertNil(report.framesPerSecond)
      XCTAssertEqual(report.stages.total, tracker.timings.total, accuracy: 1e-9)
      report = try XCTUnwrap(try finder.report(on: frame, at: 1.5))
      XCTAssertEqual(report.framesPerSecond, 2)
      finder.setMaximumHands(1)
      report = try XCTUnwrap(try finder.report(on: frame, at: 1.6))
      XCTAssertEqual(report.hands.count, 1)
    }

    func testAFrameThatFailsIsToldAndTheNextIsFound() async throws {
      let fixtures = try fixtures()
      let finder = LiveFinder()
      let queue = DispatchQueue(label: "frames")
      finder.use(try await loadTracker(TrackerChoice(), from: fixtures, store: store), on: queue)
      queue.sync {}
      let frame = try makePixelBuffer(
        fixtures.image(try XCTUnwrap(fixtures.manifest.cases.first { $0.name == "one" }).image))
      ReplayFault.current = .nan
      defer { ReplayFault.current = .none }
      XCTAssertThrowsError(try finder.report(on: frame, at: 0)) {
        XCTAssertTrue(sentence($0).contains("not finite"))
      }
      ReplayFault.current = .none
      XCTAssertEqual(try finder.report(on: frame, at: 1)?.hands.count, 1)
    }

    func testStagesAreMeans() {
      var stages = StageTimes()
      XCTAssertEqual(stages.rows, [])
      var timings = FrameTimings()
      timings.detector = 10
      stages.add(timings)
      XCTAssertEqual(stages.rows.map(\.milliseconds), [0, 10, 0, 0, 0, 0])
      timings.detector = 0
      timings.crops = 5
      stages.add(timings)
      XCTAssertEqual(stages.rows.map(\.milliseconds), [0, 9, 0, 0.5, 0, 0])
      XCTAssertEqual(stages.rows[3].name, "Crops")
      XCTAssertEqual(stages.total, 9.5, accuracy: 1e-12)
    }

    func testTheBenchmarkWritesResults() async throws {
      let seen = Seen()
      let file = try await runBenchmark(
        TrackerChoice(), fixtures: try fixtures(), output: folder.appendingPathComponent("out"),
        iterations: 3, models: store, progress: { await seen.add($0) })
      let results = try Results.read(Data(contentsOf: file))
      XCTAssertEqual(results.status, .complete)
      XCTAssertEqual(results.failures, [])
      XCTAssertEqual(results.bench.count, 2 * Units.allCases.count)
      XCTAssertTrue(results.bench.allSatisfy { $0.samplesNs.count == 3 })
      XCTAssertEqual(benchmarkBars(results.bench).count, 8)
      let progress = await seen.all
      XCTAssertEqual(progress.map(\.done), Array(0...8))
      XCTAssertEqual(progress.map(\.results.bench.count), Array(0...8))
      XCTAssertEqual(progress[0].current, "tiny-palm on CPU")
    }

    func testAStoppedBenchmarkKeepsWhatIsDone() async throws {
      let output = folder.appendingPathComponent("out")
      let (fixtures, store) = (try fixtures(), store)
      let task = Task {
        try await runBenchmark(
          TrackerChoice(), fixtures: fixtures, output: output, iterations: 3, models: store,
          progress: { if $0.done == 2 { withUnsafeCurrentTask { $0?.cancel() } } })
      }
      let outcome = await task.result
      XCTAssertThrowsError(try outcome.get()) { XCTAssertEqual(sentence($0), "Stopped.") }
      let results = try Results.read(
        Data(contentsOf: output.appendingPathComponent("results.json")))
      XCTAssertEqual(results.status, .partial)
      XCTAssertEqual(results.bench.count, 3)  // the current one is finished
    }
  }

  private actor Seen {
    var all: [BenchmarkProgress] = []

    func add(_ progress: BenchmarkProgress) {
      all.append(progress)
    }
  }
#endif
