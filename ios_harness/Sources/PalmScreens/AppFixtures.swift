// The fixtures that are bundled with the app, and errors in one sentence.

import Foundation
import PalmCore

/// The folder `Fixtures` of a bundle, every file of it checked.
///
/// Throws ``PalmCore/PalmError/invalidFixtures(_:)`` where it is missing, empty or altered.
public func bundledFixtures(in bundle: Bundle = .main) throws -> Fixtures {
  guard let folder = bundle.url(forResource: "Fixtures", withExtension: nil) else {
    throw PalmError.invalidFixtures(
      "The app has no models: run `blazepalm golden export-ios -o ios_harness/App/Fixtures`, then "
        + "build it again.")
  }
  let manifest = folder.appendingPathComponent("manifest.json")
  guard FileManager.default.fileExists(atPath: manifest.path) else {
    throw PalmError.invalidFixtures(
      "The app's folder Fixtures is empty: run `blazepalm golden export-ios -o "
        + "ios_harness/App/Fixtures`, then build it again.")
  }
  let fixtures = try Fixtures(folder: folder)
  try fixtures.verify()
  return fixtures
}

/// An error in one sentence for a person.
public func sentence(_ error: Error) -> String {
  switch error {
  case let error as PalmError: error.description
  case let error as CameraProblem: error.description
  case is CancellationError: "Stopped."
  default: error.localizedDescription
  }
}

/// Why there is no picture from the camera.
public enum CameraProblem: Error, Equatable, CustomStringConvertible {
  /// The person has not allowed it.
  case denied
  /// The device's rules do not allow it.
  case restricted
  /// There is no front camera, as in a simulator.
  case missing
  /// The camera cannot be set up; the reason.
  case unusable(String)
  /// Something else has the camera, for now.
  case interrupted

  /// What happened and what to do.
  public var description: String {
    switch self {
    case .denied:
      "The camera is not allowed. Allow it in Settings, under Privacy & Security, Camera."
    case .restricted:
      "The camera is restricted on this device, by Screen Time or by a profile."
    case .missing:
      "There is no front camera here. A simulator has none: use a phone, or the benchmark."
    case .unusable(let reason):
      "The camera cannot be used: \(reason). Close other apps that use it, then try again."
    case .interrupted:
      "Another app has the camera. It goes on when that app lets go."
    }
  }

  /// Whether the system's Settings can help.
  public var isForSettings: Bool { self == .denied }
}

/// Whether the app is only the host of tests: then it must leave camera, models and processor alone.
public func isTestHost(_ environment: [String: String] = ProcessInfo.processInfo.environment)
  -> Bool
{
  environment.keys.contains { $0.hasPrefix("XCTest") || $0.hasPrefix("XCInject") }
}
