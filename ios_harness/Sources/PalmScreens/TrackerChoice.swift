// What a person has chosen on the settings screen, kept between launches.

import Foundation
import PalmCore

/// Which models, on which units, how many hands.
public struct TrackerChoice: Codable, Equatable, Sendable {
  /// The palm detector's name in the fixtures.
  public var palm = ""
  /// The landmark model's name.
  public var hand = ""
  /// Which units Core ML may use.
  public var units = Units.all
  /// How many hands are looked for.
  public var maximumHands = 2
  /// Hands are followed from frame to frame; else palms are detected in each.
  public var follows = true

  /// How many hands can be chosen.
  public static let handRange = 1...4
  /// Where the choice is kept.
  public static let key = "tracker-choice"

  /// Two hands on all units, models not chosen yet.
  public init() {}

  /// The choice that was kept, or the default where there is none, or none that can be read.
  public static func kept(in store: UserDefaults) -> TrackerChoice {
    guard let data = store.data(forKey: key),
      let choice = try? JSONDecoder().decode(TrackerChoice.self, from: data)
    else { return TrackerChoice() }
    return choice
  }

  /// Keeps the choice.
  public func keep(in store: UserDefaults) throws {
    store.set(try JSONEncoder().encode(self), forKey: Self.key)
  }

  /// The same choice for what the fixtures have: a model that they lack gives way to that of their
  /// pipeline, else to their first of its kind.
  ///
  /// Throws ``PalmCore/PalmError/invalidFixtures(_:)`` where they have none of its kind.
  public func fitted(to manifest: FixtureManifest) throws -> TrackerChoice {
    var fitted = self
    fitted.palm = try Self.name(palm, .palm, manifest.pipeline?.palm, manifest)
    fitted.hand = try Self.name(hand, .hand, manifest.pipeline?.hand, manifest)
    fitted.maximumHands = min(
      max(maximumHands, Self.handRange.lowerBound), Self.handRange.upperBound)
    return fitted
  }

  /// Whether another tracker must be loaded to go from `other` to this.
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
  /// For a person.
  public var title: String {
    switch self {
    case .cpuOnly: "CPU"
    case .cpuAndGPU: "CPU and GPU"
    case .cpuAndNeuralEngine: "CPU and Neural Engine"
    case .all: "All"
    }
  }
}
