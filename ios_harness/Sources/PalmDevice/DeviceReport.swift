// Facts that a device reports: name, system, memory, heat. On other systems than Apple's they are
// unknown or empty.

import Foundation

#if canImport(Darwin)
  import Darwin
#endif

/// Facts about the device that runs the process.
public enum DeviceReport {
  /// The hardware's name, such as `iPhone15,2`; for a simulator, the simulated device's.
  public static var model: String {
    let environment = ProcessInfo.processInfo.environment
    if let simulated = environment["SIMULATOR_MODEL_IDENTIFIER"] { return simulated }
    #if canImport(Darwin)
      return systemText(named: "hw.machine") ?? "unknown"
    #else
      return "Linux"
    #endif
  }

  /// Whether this is a simulator, or no device at all.
  public static var isSimulator: Bool {
    #if targetEnvironment(simulator) || !canImport(Darwin)
      return true
    #else
      return false
    #endif
  }

  /// The system's version, such as `17.4.1`.
  public static var systemVersion: String {
    let version = ProcessInfo.processInfo.operatingSystemVersion
    return "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)"
  }

  /// The system's build, such as `21E236`; empty if unknown.
  public static var systemBuild: String {
    #if canImport(Darwin)
      return systemText(named: "kern.osversion") ?? ""
    #else
      return ""
    #endif
  }

  /// Bytes of memory.
  public static var memory: UInt64 { ProcessInfo.processInfo.physicalMemory }

  /// Whether low power mode is on, which slows every unit.
  public static var isLowPower: Bool {
    #if canImport(Darwin)
      return ProcessInfo.processInfo.isLowPowerModeEnabled
    #else
      return false
    #endif
  }

  /// `Release` or `Debug`, the build configuration of this code.
  public static var buildConfiguration: String {
    #if DEBUG
      return "Debug"
    #else
      return "Release"
    #endif
  }

  #if canImport(Darwin)
    private static func systemText(named name: String) -> String? {
      var size = 0
      guard sysctlbyname(name, nil, &size, nil, 0) == 0, size > 0 else { return nil }
      var bytes = [UInt8](repeating: 0, count: size)
      guard sysctlbyname(name, &bytes, &size, nil, 0) == 0 else { return nil }
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  #endif
}
