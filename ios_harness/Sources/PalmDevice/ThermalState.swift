// How hot the device is, as far as the system says. Heat slows the Neural Engine while this still
// reads `nominal`, so a benchmark keeps its time series too.

import Foundation

/// The system's word for the heat.
public enum ThermalState: String, Sendable, Comparable, CaseIterable {
  /// Not read here.
  case unknown
  /// Cool.
  case nominal
  /// Warm.
  case fair
  /// Hot: the system slows down.
  case serious
  /// Too hot.
  case critical

  /// The state now.
  public static var current: ThermalState {
    #if canImport(Darwin)
      switch ProcessInfo.processInfo.thermalState {
      case .nominal: return .nominal
      case .fair: return .fair
      case .serious: return .serious
      case .critical: return .critical
      @unknown default: return .unknown
      }
    #else
      return .unknown
    #endif
  }

  /// Cooler states come first.
  public static func < (a: ThermalState, b: ThermalState) -> Bool {
    allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
  }

  /// Whether a benchmark may begin.
  public var isCool: Bool { self <= .nominal }
}
