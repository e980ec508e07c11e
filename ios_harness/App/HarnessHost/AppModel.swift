// State shared by all screens: bundled fixtures, choice, and whether a benchmark is running.

import Combine
import Foundation
import PalmCore
import PalmScreens

@MainActor
final class AppModel: ObservableObject {
  /// Nil until read and checked.
  @Published private(set) var fixtures: Result<Fixtures, any Error>?
  /// The user's choice, saved between launches.
  @Published var choice = TrackerChoice.kept(in: .standard) {
    didSet { keepChoice() }
  }
  /// The reason why the choice could not be saved.
  @Published private(set) var choiceProblem: String?
  /// Whether a benchmark is running, which must have the device to itself.
  @Published var isMeasuring = false

  /// Reads and checks the fixtures, off the main thread.
  func load() async {
    guard fixtures == nil else { return }
    let found = await Task.detached { Result { try bundledFixtures() } }.value
    if case .success(let fixtures) = found {
      do {
        choice = try choice.fitted(to: fixtures.manifest)
      } catch {
        self.fixtures = .failure(error)
        return
      }
    }
    fixtures = found
  }

  private func keepChoice() {
    do {
      try choice.keep(in: .standard)
      choiceProblem = nil
    } catch {
      choiceProblem = "The choice cannot be saved: \(sentence(error))"
    }
  }
}
