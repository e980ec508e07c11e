// The benchmark of the app's screen: the same runs as in the tests, with progress.

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore
  import PalmHarness
  import PalmKit

  /// The progress of a benchmark.
  public struct BenchmarkProgress: Equatable, Sendable {
    /// Finished models × units.
    public var done: Int
    /// All models × units.
    public var total: Int
    /// The current model and units; empty at the end.
    public var current: String
    /// All results so far.
    public var results: Results
  }

  /// Measures the two chosen models on every unit, and writes `results.json` in `output` after
  /// each. If its task is cancelled, it ends early and keeps the results so far in the file.
  ///
  /// Throws `PalmError` if fixtures or output are invalid, and
  /// `CancellationError`; records a model that fails as a failure in the results.
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
