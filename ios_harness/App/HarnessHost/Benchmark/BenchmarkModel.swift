// A running benchmark: progress, results, and cancellation.

import Combine
import Foundation
import PalmCore
import PalmScreens
import UIKit

@MainActor
final class BenchmarkModel: ObservableObject {
  /// Timed predictions of each model on each unit.
  static let iterations = 100

  @Published private(set) var progress: BenchmarkProgress?
  /// `results.json`, once a run has ended.
  @Published private(set) var file: URL?
  /// The reason why it ended early.
  @Published private(set) var problem: String?
  @Published private var task: Task<Void, Never>?

  var isRunning: Bool { task != nil }

  /// Measures the chosen models; pauses the camera and keeps the screen on.
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

  /// Stops after the current model and keeps the finished results.
  func stop() {
    task?.cancel()
  }

  private func show(_ progress: BenchmarkProgress) {
    self.progress = progress
  }

  /// A folder beside the folder of the tests' results, not in it.
  private func folder() throws -> URL {
    try FileManager.default.url(
      for: .documentDirectory, in: .userDomainMask, appropriateFor: nil, create: true
    ).appendingPathComponent("benchmark", isDirectory: true)
  }
}
