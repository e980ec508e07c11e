// What PalmDevice uses of Darwin, and of Foundation on Apple's systems alone, as Apple's
// documentation and headers declare it. Nothing runs.

import Foundation

/// https://developer.apple.com/documentation/kernel/1387446-sysctlbyname
public func sysctlbyname(
  _ name: UnsafePointer<CChar>!, _ oldp: UnsafeMutableRawPointer!,
  _ oldlenp: UnsafeMutablePointer<Int>!, _ newp: UnsafeMutableRawPointer!, _ newlen: Int
) -> Int32 { fatalError() }

/// https://developer.apple.com/documentation/kernel/integer_t
public typealias integer_t = Int32
/// https://developer.apple.com/documentation/kernel/kern_return_t
public typealias kern_return_t = Int32
/// https://developer.apple.com/documentation/kernel/mach_port_t
public typealias mach_port_t = UInt32
/// https://developer.apple.com/documentation/kernel/mach_msg_type_number_t
public typealias mach_msg_type_number_t = UInt32
/// https://developer.apple.com/documentation/kernel/task_flavor_t
public typealias task_flavor_t = UInt32
/// https://developer.apple.com/documentation/kernel/task_vm_info_data_t
public struct task_vm_info_data_t {
  /// https://developer.apple.com/documentation/kernel/task_vm_info_data_t
  public init() {}
  /// https://developer.apple.com/documentation/kernel/task_vm_info_data_t/3294445-phys_footprint
  public var phys_footprint: UInt64 { fatalError() }
}
/// https://developer.apple.com/documentation/kernel/kern_success
public var KERN_SUCCESS: Int32 { 0 }
/// https://developer.apple.com/documentation/kernel/task_vm_info
public var TASK_VM_INFO: Int32 { 22 }
/// https://developer.apple.com/documentation/kernel/mach_task_self_
public var mach_task_self_: mach_port_t = 0
/// https://developer.apple.com/documentation/kernel/1537934-task_info
public func task_info(
  _ target_task: mach_port_t, _ flavor: task_flavor_t,
  _ task_info_out: UnsafeMutablePointer<integer_t>!,
  _ task_info_outCnt: UnsafeMutablePointer<mach_msg_type_number_t>!
) -> kern_return_t { fatalError() }

extension ProcessInfo {
  /// https://developer.apple.com/documentation/foundation/processinfo/thermalstate-swift.enum
  public enum ThermalState: Int, Sendable {
    case nominal = 0
    case fair = 1
    case serious = 2
    case critical = 3
  }
  /// https://developer.apple.com/documentation/foundation/processinfo/thermalstate-swift.property
  public var thermalState: ThermalState { fatalError() }
  /// https://developer.apple.com/documentation/foundation/processinfo/islowpowermodeenabled
  public var isLowPowerModeEnabled: Bool { fatalError() }
}
