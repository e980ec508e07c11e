// The memory that the system counts against the process: the system ends an app when this figure
// grows too large.

import Foundation

#if canImport(Darwin)
  @preconcurrency import Darwin  // `mach_task_self_` is a variable
#endif

/// Bytes that the process uses: the physical footprint on Apple's systems, the resident set on
/// Linux; 0 if neither can be read.
public func memoryInUse() -> UInt64 {
  #if canImport(Darwin)
    var info = task_vm_info_data_t()
    var count = mach_msg_type_number_t(
      MemoryLayout<task_vm_info_data_t>.size / MemoryLayout<integer_t>.size)
    let status = withUnsafeMutablePointer(to: &info) { pointer in
      pointer.withMemoryRebound(to: integer_t.self, capacity: Int(count)) {
        task_info(mach_task_self_, task_flavor_t(TASK_VM_INFO), $0, &count)
      }
    }
    return status == KERN_SUCCESS ? info.phys_footprint : 0
  #else
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .ascii) else {
      return 0
    }
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = UInt64(fields[1]) else { return 0 }
    return pages * 4096
  #endif
}
