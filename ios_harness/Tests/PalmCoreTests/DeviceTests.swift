// Without a device, the device's facts are honest placeholders.

import PalmDevice
import XCTest

final class DeviceTests: XCTestCase {
  func testMemoryGrowsWithUse() {
    let before = memoryInUse()
    XCTAssertGreaterThan(before, 1 << 20)
    let block = [UInt8](repeating: 1, count: 64 << 20)
    XCTAssertGreaterThan(memoryInUse(), before + (32 << 20))
    XCTAssertEqual(block.last, 1)
  }

  func testNamesAreThere() {
    XCTAssertFalse(DeviceReport.model.isEmpty)
    XCTAssertGreaterThan(DeviceReport.memory, 1 << 28)
    XCTAssertEqual(DeviceReport.systemVersion.split(separator: ".").count, 3)
    XCTAssertTrue(["Debug", "Release"].contains(DeviceReport.buildConfiguration))
  }

  func testStatesAreOrderedByHeat() {
    XCTAssertTrue(ThermalState.nominal < .fair && ThermalState.fair < .serious)
    XCTAssertTrue(ThermalState.nominal.isCool)
    XCTAssertFalse(ThermalState.fair.isCool)
    #if !canImport(Darwin)
      XCTAssertEqual(ThermalState.current, .unknown)
      XCTAssertTrue(DeviceReport.isSimulator)
    #endif
  }
}
