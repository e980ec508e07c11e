// The fixtures in the app's bundle, and errors in one sentence.

import Foundation
import PalmCore

/// The folder `Fixtures` of a bundle, with every file checked.
///
/// Throws `PalmError.invalidFixtures` if it is missing, empty or altered.
public func bundledFixtures(in bundle: Bundle = .main) throws -> Fixtures {
  guard let folder = bundle.url(forResource: "Fixtures", withExtension: nil) else {
    throw PalmError.invalidFixtures(
      "The app has no models: run `blazepalm golden export-ios -o ios_harness/App/Fixtures`, then "
        + "build it again.")
  }
  let manifest = folder.appendingPathComponent("manifest.json")
  guard FileManager.default.fileExists(atPath: manifest.path) else {
    throw PalmError.invalidFixtures(
      "The app's Fixtures folder is empty: run `blazepalm golden export-ios -o "
        + "ios_harness/App/Fixtures`, then build it again.")
  }
  let fixtures = try Fixtures(folder: folder)
  try fixtures.verify()
  return fixtures
}

/// An error in one sentence for the user.
public func sentence(_ error: Error) -> String {
  switch error {
  case let error as PalmError: error.description
  case let error as CameraProblem: error.description
  case is CancellationError: "Stopped."
  default: error.localizedDescription
  }
}

/// The reason why the camera shows no picture.
public enum CameraProblem: Error, Equatable, CustomStringConvertible {
  /// The user has not allowed it.
  case denied
  /// The device's restrictions forbid it.
  case restricted
  /// There is no front camera, as in a simulator.
  case missing
  /// The camera cannot be set up, with the reason.
  case unusable(String)
  /// Another app is using the camera.
  case interrupted

  /// What happened and what to do.
  public var description: String {
    switch self {
    case .denied:
      "The app may not use the camera. Allow it in Settings, under Privacy & Security, Camera."
    case .restricted:
      "Screen Time or a profile restricts the camera on this device."
    case .missing:
      "There is no front camera. A simulator has none: use a phone, or run the benchmark."
    case .unusable(let reason):
      "The camera cannot be used: \(reason). Close other apps that use it, then try again."
    case .interrupted:
      "Another app is using the camera. The picture resumes when that app stops."
    }
  }

  /// Whether the user can fix it in Settings.
  public var isForSettings: Bool { self == .denied }
}

/// Whether the app only hosts tests; it must then leave the camera, models and processor alone.
public func isTestHost(_ environment: [String: String] = ProcessInfo.processInfo.environment)
  -> Bool
{
  environment.keys.contains { $0.hasPrefix("XCTest") || $0.hasPrefix("XCInject") }
}
