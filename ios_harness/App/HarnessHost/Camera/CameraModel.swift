// Turns the camera's frames into the screen's state. Loads models and finds hands off the main
// thread; only the results arrive here.

import Combine
import Foundation
import PalmCore
import PalmScreens

@MainActor
final class CameraModel: ObservableObject {
  /// The state of the camera screen.
  enum Phase: Equatable {
    /// Compiling and loading models; the first time takes a while.
    case preparing
    /// Receiving frames.
    case running
    /// No frames: the reason, and whether the user can fix it in Settings.
    case failed(String, forSettings: Bool)
  }

  @Published private(set) var phase = Phase.preparing
  /// The last frame with its hands.
  @Published private(set) var report: FrameReport?
  /// The error of the last frame, if it failed.
  @Published private(set) var fault: String?

  let camera = Camera()
  private let finder = LiveFinder()  // used only on the camera's frame queue
  private var loaded: TrackerChoice?

  init() {
    camera.onFrame = { [finder, weak self] frame, seconds in
      let outcome = Result { try finder.report(on: frame, at: seconds) }
      Task { @MainActor in self?.show(outcome) }
    }
    camera.onProblem = { [weak self] problem in
      Task { @MainActor in self?.show(problem) }
    }
  }

  /// Loads the chosen models, unless they are loaded, and starts the camera.
  func run(_ choice: TrackerChoice, from fixtures: Fixtures) async {
    do {
      phase = .preparing
      try await prepare(choice, from: fixtures)
      try Task.checkCancellation()
      try await camera.start()
      guard !Task.isCancelled else { return camera.stop() }
      phase = .running
    } catch is CancellationError {
      // the screen is gone, or the choice has changed: the next run reports its own state
    } catch {
      show(error)
    }
  }

  /// Stops the camera.
  func stop() {
    camera.stop()
    report = nil
    fault = nil
  }

  private func prepare(_ choice: TrackerChoice, from fixtures: Fixtures) async throws {
    let finder = finder
    if let loaded, !choice.needsOtherTracker(than: loaded) {
      camera.frameQueue.async { finder.setMaximumHands(choice.maximumHands) }
    } else {
      loaded = nil
      camera.frameQueue.async { finder.use(nil) }
      let tracker = try await loadTracker(choice, from: fixtures)
      try Task.checkCancellation()
      finder.use(tracker, on: camera.frameQueue)
    }
    loaded = choice
  }

  private func show(_ outcome: Result<FrameReport?, any Error>) {
    guard phase == .running else { return }
    switch outcome {
    case .success(let report):
      self.report = report
      fault = nil
    case .failure(let error):
      report = nil
      fault = sentence(error)
    }
  }

  private func show(_ problem: CameraProblem?) {
    if let problem {
      show(problem as any Error)
    } else if loaded != nil {
      phase = .running
    }
  }

  private func show(_ error: any Error) {
    report = nil
    let forSettings = (error as? CameraProblem)?.isForSettings ?? false
    phase = .failed(sentence(error), forSettings: forSettings)
  }
}
