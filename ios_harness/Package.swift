// swift-tools-version:5.9
//
// The portable core of the hand tracker, its Core ML half, the device's facts, the runs that
// compare and time models, and the logic of the app's screens.
//
// The Xcode project in App/ links one product, PalmKit, into the app and into its tests. If it
// linked several products that share a target, Xcode would link that target twice, and could not
// build a product dynamically whose name is also a target's.
//
// On Linux, COREML_SHIM=1 adds stand-ins for Core ML and for the Apple-only parts of XCTest, and
// with them the Core ML half and the harness's own tests. A Mac never builds them: the machine that
// builds evaluates `#if os(Linux)` in a manifest.

import PackageDescription

#if os(Linux)
  let shim = Context.environment["COREML_SHIM"] == "1"
#else
  let shim = false
#endif

// Replaces malloc in the test program; needs glibc.
#if os(Linux)
  let allocationCounter: [Target.Dependency] = ["AllocationCounter"]
#else
  let allocationCounter: [Target.Dependency] = []
#endif

let coreML: [Target.Dependency] = shim ? ["CoreML"] : []

var targets: [Target] = [
  .target(name: "PalmCore"),
  .target(name: "PalmCoreML", dependencies: ["PalmCore"] + coreML),
  .target(name: "PalmDevice"),
  .target(name: "PalmHarness", dependencies: ["PalmCore", "PalmCoreML", "PalmDevice"] + coreML),
  .target(
    name: "PalmScreens",
    dependencies: ["PalmCore", "PalmCoreML", "PalmDevice", "PalmHarness"] + coreML),
  .executableTarget(
    name: "palmcore-bench", dependencies: ["PalmCore"], path: "Sources/PalmCoreBench"),
  .testTarget(
    name: "PalmCoreTests", dependencies: ["PalmCore", "PalmDevice"] + allocationCounter),
  .testTarget(
    name: "PalmScreensTests",
    dependencies: ["PalmScreens", "PalmHarness", "PalmCoreML", "PalmCore"] + coreML),
]

if !allocationCounter.isEmpty {
  targets.append(.target(name: "AllocationCounter", path: "Tests/AllocationCounter"))
}

if shim {
  targets += [
    .target(name: "CoreML", path: "Shims/CoreML"),
    .target(name: "AppleTestShim", path: "Shims/AppleTestShim"),
    .testTarget(
      name: "PalmCoreMLTests", dependencies: ["PalmCoreML", "PalmCore", "CoreML"]),
    .testTarget(
      name: "PalmHarnessTests",
      dependencies: ["PalmHarness", "PalmCoreML", "PalmCore", "PalmDevice", "CoreML"]),
    .testTarget(
      name: "HarnessTests",
      dependencies: [
        "PalmHarness", "PalmCoreML", "PalmCore", "PalmDevice", "CoreML", "AppleTestShim",
      ],
      path: "App/HarnessTests"),
  ]
}

let package = Package(
  name: "ios_harness",
  platforms: [.iOS(.v16), .macOS(.v13)],
  products: [
    .library(name: "PalmCore", targets: ["PalmCore"]),
    .library(name: "PalmCoreML", targets: ["PalmCoreML"]),
    .library(name: "PalmDevice", targets: ["PalmDevice"]),
    .library(name: "PalmHarness", targets: ["PalmHarness"]),
    .library(
      name: "PalmKit",
      targets: ["PalmCore", "PalmCoreML", "PalmDevice", "PalmHarness", "PalmScreens"]),
  ],
  targets: targets
)
