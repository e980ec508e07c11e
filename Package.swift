// swift-tools-version:6.0
//
// Products for an app: PalmCore (everything before and after the models; no Core ML, builds
// anywhere) and PalmKit (PalmCore, and HandTracker on Core ML). HarnessKit is for the Xcode project
// in ios_harness/App alone: one product, linked into the app and into its tests, because Xcode
// would link twice a target that several of its products share.
//
// On Linux, COREML_SHIM=1 adds stand-ins for Core ML and for the Apple-only parts of XCTest, and
// with them PalmKit and the harness's own tests. A Mac never builds them: the machine that builds
// evaluates `#if os(Linux)` in a manifest.

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
let replay: [Target.Dependency] = shim ? ["CoreML", "CoreMLReplay"] : []

func source(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: "ios_harness/Sources/\(name)")
}

func tests(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, path: path ?? "ios_harness/Tests/\(name)")
}

var targets: [Target] = [
  source("PalmCore"),
  source("PalmKit", ["PalmCore"] + coreML),
  source("PalmDevice"),
  source("PalmHarness", ["PalmCore", "PalmKit", "PalmDevice"] + coreML),
  source("PalmScreens", ["PalmCore", "PalmKit", "PalmDevice", "PalmHarness"] + coreML),
  .executableTarget(
    name: "palmcore-bench", dependencies: ["PalmCore"], path: "ios_harness/Sources/PalmCoreBench"),
  tests("PalmCoreTests", ["PalmCore", "PalmDevice"] + allocationCounter),
  tests("PalmKitTests", ["PalmKit", "PalmCore"] + replay),
  tests("PalmScreensTests", ["PalmScreens", "PalmHarness", "PalmKit", "PalmCore"] + replay),
]

if !allocationCounter.isEmpty {
  targets.append(
    .target(name: "AllocationCounter", path: "ios_harness/Tests/AllocationCounter"))
}

if shim {
  targets += [
    .target(name: "CoreMLReplay", path: "ios_harness/Shims/CoreMLReplay"),
    .target(name: "CoreML", dependencies: ["CoreMLReplay"], path: "ios_harness/Shims/CoreML"),
    .target(name: "AppleTestShim", path: "ios_harness/Shims/AppleTestShim"),
    tests("PalmHarnessTests", ["PalmHarness", "PalmKit", "PalmCore", "PalmDevice"] + replay),
    tests(
      "HarnessTests",
      ["PalmHarness", "PalmKit", "PalmCore", "PalmDevice", "CoreML", "AppleTestShim"],
      path: "ios_harness/App/HarnessTests"),
  ]
}

let package = Package(
  name: "blazepalm",
  platforms: [.iOS(.v16), .macOS(.v13)],
  products: [
    .library(name: "PalmCore", targets: ["PalmCore"]),
    .library(name: "PalmKit", targets: ["PalmKit"]),
    .library(
      name: "HarnessKit",
      targets: ["PalmCore", "PalmKit", "PalmDevice", "PalmHarness", "PalmScreens"]),
  ],
  targets: targets
)
