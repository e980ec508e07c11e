// What all screens share: the bundled fixtures, the choice, and whether a benchmark is running.

import Combine
import Foundation
import PalmCore
import PalmScreens

@MainActor
final class AppModel: ObservableObject {
  /// Nil until they are read and checked.
  @Published private(set) var fixtures: Result<Fixtures, any Error>?
  /// What is chosen; kept between launches.
  @Published var choice = TrackerChoice.kept(in: .standard) {
    didSet { keepChoice() }
  }
  /// Why the choice could not be kept.
  @Published private(set) var choiceProblem: String?
  /// A benchmark has the device to itself.
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
      choiceProblem = "The choice cannot be kept: \(sentence(error))"
    }
  }
}
