// swift-tools-version:5.9
//
// The portable core of the hand tracker, its Core ML half, the device's own figures, and the runs
// that compare and time models.
// The Xcode project in App/ takes the libraries from here.
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

let coreML: [Target.Dependency] = shim ? ["CoreML"] : []

var targets: [Target] = [
  .target(name: "PalmCore"),
  .target(name: "PalmCoreML", dependencies: ["PalmCore"] + coreML),
  .target(name: "PalmDevice"),
  .target(name: "PalmHarness", dependencies: ["PalmCore", "PalmCoreML", "PalmDevice"] + coreML),
  .executableTarget(
    name: "palmcore-bench", dependencies: ["PalmCore"], path: "Sources/PalmCoreBench"),
  .testTarget(
    name: "PalmCoreTests", dependencies: ["PalmCore", "PalmDevice"]),
]

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
  ],
  targets: targets
)
