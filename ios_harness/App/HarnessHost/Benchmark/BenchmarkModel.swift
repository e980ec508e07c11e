// A benchmark under way: progress, results, and an end to it.

import Combine
import Foundation
import PalmCore
import PalmScreens
import UIKit

@MainActor
final class BenchmarkModel: ObservableObject {
  /// Predictions that count, of each model on each unit.
  static let iterations = 100

  @Published private(set) var progress: BenchmarkProgress?
  /// `results.json`, once a run has ended.
  @Published private(set) var file: URL?
  /// Why it ended early.
  @Published private(set) var problem: String?
  @Published private var task: Task<Void, Never>?

  var isRunning: Bool { task != nil }

  /// Measures what is chosen; the camera waits, and the screen stays on.
  func start(_ choice: TrackerChoice, fixtures: Fixtures, app: AppModel) {
    guard task == nil else { return }
    (progress, file, problem) = (nil, nil, nil)
    app.isMeasuring = true
    UIApplication.shared.isIdleTimerDisabled = true
    task = Task {
      do {
        file = try await runBenchmark(
          choice, fixtures: fixtures, output: try folder(), iterations: Self.iterations,
          progress: { [weak self] in await self?.show($0) })
      } catch {
        problem = sentence(error)
      }
      UIApplication.shared.isIdleTimerDisabled = false
      app.isMeasuring = false
      task = nil
    }
  }

  /// Ends it after the model that is running; what is done is kept.
  func stop() {
    task?.cancel()
  }

  private func show(_ progress: BenchmarkProgress) {
    self.progress = progress
  }

  /// Beside, not in, the folder of the tests' results.
  private func folder() throws -> URL {
    try FileManager.default.url(
      for: .documentDirectory, in: .userDomainMask, appropriateFor: nil, create: true
    ).appendingPathComponent("benchmark", isDirectory: true)
  }
}
