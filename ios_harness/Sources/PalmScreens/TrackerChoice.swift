// The user's choices on the settings screen, saved between launches.

import Foundation
import PalmCore

/// The models, units, number of hands, and tracking.
public struct TrackerChoice: Codable, Equatable, Sendable {
  /// The palm detector's name in the fixtures.
  public var palm = ""
  /// The landmark model's name.
  public var hand = ""
  /// The units that Core ML may use.
  public var units = Units.all
  /// The number of hands to look for.
  public var maximumHands = 2
  /// Whether to track hands from frame to frame; if not, palms are detected in each.
  public var follows = true

  /// The range of the number of hands.
  public static let handRange = 1...4
  /// The defaults key of the saved choice.
  public static let key = "tracker-choice"

  /// Two hands on all units, with no models chosen yet.
  public init() {}

  /// The saved choice, or the default if there is none that can be read.
  public static func kept(in store: UserDefaults) -> TrackerChoice {
    guard let data = store.data(forKey: key),
      let choice = try? JSONDecoder().decode(TrackerChoice.self, from: data)
    else { return TrackerChoice() }
    return choice
  }

  /// Saves the choice.
  public func keep(in store: UserDefaults) throws {
    store.set(try JSONEncoder().encode(self), forKey: Self.key)
  }

  /// The choice adapted to the fixtures: replaces a model that they lack with their pipeline's,
  /// else with their first of its kind.
  ///
  /// Throws `PalmError.invalidFixtures` if they have none of its kind.
  public func fitted(to manifest: FixtureManifest) throws -> TrackerChoice {
    var fitted = self
    fitted.palm = try Self.name(palm, .palm, manifest.pipeline?.palm, manifest)
    fitted.hand = try Self.name(hand, .hand, manifest.pipeline?.hand, manifest)
    fitted.maximumHands = min(
      max(maximumHands, Self.handRange.lowerBound), Self.handRange.upperBound)
    return fitted
  }

  /// Whether a change from `other` to this needs another tracker.
  public func needsOtherTracker(than other: TrackerChoice) -> Bool {
    (palm, hand, units, follows) != (other.palm, other.hand, other.units, other.follows)
  }

  private static func name(
    _ wanted: String, _ kind: ModelKind, _ usual: String?, _ manifest: FixtureManifest
  ) throws -> String {
    let names = manifest.names(of: kind)
    if names.contains(wanted) { return wanted }
    if let usual, names.contains(usual) { return usual }
    guard let first = names.first else {
      throw PalmError.invalidFixtures(
        "the fixtures have no \(kind == .palm ? "palm detector" : "landmark model"); export both "
          + "with `blazepalm golden export-ios`")
    }
    return first
  }
}

extension FixtureManifest {
  /// The names of all models of a kind, in the manifest's order.
  public func names(of kind: ModelKind) -> [String] {
    models.filter { $0.kind == kind }.map(\.name)
  }
}

extension Units {
  /// The name shown to the user.
  public var title: String {
    switch self {
    case .cpuOnly: "CPU"
    case .cpuAndGPU: "CPU and GPU"
    case .cpuAndNeuralEngine: "CPU and Neural Engine"
    case .all: "All"
    }
  }
}
