// The benchmark that the app's screen starts: the same runs as the tests', with progress.

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore
  import PalmCoreML
  import PalmHarness

  /// How far a benchmark is.
  public struct BenchmarkProgress: Equatable, Sendable {
    /// Finished models × units.
    public var done: Int
    /// All of them.
    public var total: Int
    /// What is measured now; empty at the end.
    public var current: String
    /// All results so far.
    public var results: Results
  }

  /// Measures the two models of a choice on every unit, and writes `results.json` in `output` after
  /// each. Ends early, with what is done so far in the file, where its task is cancelled.
  ///
  /// Throws ``PalmCore/PalmError`` where fixtures or output are not as they must be, and
  /// `CancellationError`; a model that fails is a failure in the results.
  public func runBenchmark(
    _ choice: TrackerChoice, fixtures: Fixtures, output: URL, iterations: Int,
    models: ModelStore? = nil, progress: @Sendable (BenchmarkProgress) async -> Void
  ) async throws -> URL {
    let choice = try choice.fitted(to: fixtures.manifest)
    var configuration = RunConfiguration()
    configuration.models = [choice.palm, choice.hand]
    configuration.stages = [.bench]
    configuration.iterations = iterations
    let run = try HarnessRun(
      fixtures: fixtures.folder, configuration: configuration, output: output,
      models: models ?? ModelStore())
    let jobs = try run.jobs()
    for (index, job) in jobs.enumerated() {
      try Task.checkCancellation()
      await progress(
        BenchmarkProgress(
          done: index, total: jobs.count, current: "\(job.model.name) on \(job.units.title)",
          results: run.store.results))
      _ = try await run.bench(job)
    }
    try run.store.finish(.bench)
    await progress(
      BenchmarkProgress(
        done: jobs.count, total: jobs.count, current: "", results: run.store.results))
    return run.store.folder.appendingPathComponent("results.json")
  }
#endif
