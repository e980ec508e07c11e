// The errors, each with its remedy.

/// An error of the hand tracker or its harness, described in one sentence.
public enum PalmError: Error, Equatable, CustomStringConvertible {
  /// A region that cannot be cropped.
  case invalidRegion(String)
  /// A picture of the wrong size or pixel format.
  case invalidImage(String)
  /// A tensor with the wrong name, shape or type, or with impossible values.
  case invalidTensor(String)
  /// A model that is missing, cannot be loaded, or is not one of the hand models.
  case invalidModel(String)
  /// A fixtures folder that is incomplete, altered, or of an unknown format.
  case invalidFixtures(String)
  /// A run configuration that cannot be read.
  case invalidConfiguration(String)

  /// What happened and what to do.
  public var description: String {
    switch self {
    case .invalidRegion(let text), .invalidImage(let text), .invalidTensor(let text),
      .invalidModel(let text), .invalidFixtures(let text), .invalidConfiguration(let text):
      return text
    }
  }
}
