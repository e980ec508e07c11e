// The device's heat as the system reports it. Heat can slow the Neural Engine while this still
// reads `nominal`, so a benchmark also keeps its time series.

import Foundation

/// The thermal state that the system reports.
public enum ThermalState: String, Sendable, Comparable, CaseIterable {
  /// Not available on this system.
  case unknown
  /// Cool.
  case nominal
  /// Warm.
  case fair
  /// Hot: the system slows down.
  case serious
  /// Too hot.
  case critical

  /// The current state.
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

  /// Orders states from cool to hot.
  public static func < (a: ThermalState, b: ThermalState) -> Bool {
    allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
  }

  /// Whether a benchmark may begin.
  public var isCool: Bool { self <= .nominal }
}
