// swift-tools-version:5.9
//
// The portable core of the hand tracker, its Core ML half, the device's own figures, the runs that
// compare and time models, and what the app's screens show.
//
// The Xcode project in App/ links one product, PalmKit, into the app and into its tests. Products
// that shared a target would be linked twice, and one that is named like a target could not be
// built dynamically then.
//
// On Linux, COREML_SHIM=1 adds stand-ins for Core ML and for the parts of XCTest that Apple
// alone has, and with them the Core ML half and the harness's own tests. A Mac never sees
// them: `#if os(Linux)` in a manifest is judged on the machine that builds.

import PackageDescription

#if os(Linux)
  let shim = Context.environment["COREML_SHIM"] == "1"
#else
  let shim = false
#endif

// Stands in for malloc in the tests' program; with glibc only.
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
