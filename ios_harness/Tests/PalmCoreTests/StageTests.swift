// Every stage compared with the Python pipeline's result (Tests/Fixtures, written by
// tests/ios_harness/make_fixtures.py): decoding, suppression, regions, crops, projection, tracking.

import PalmCore
import XCTest

/// The folder of small fixtures beside these tests.
func smallFixtures() throws -> Fixtures {
  let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  return try Fixtures(folder: tests.appendingPathComponent("Fixtures"))
}

/// The fixtures named by a variable, such as the whole golden set, else the small ones.
func stageFixtures() throws -> Fixtures {
  guard let path = ProcessInfo.processInfo.environment["BLAZEPALM_IOS_FIXTURES"] else {
    return try smallFixtures()
  }
  return try Fixtures(folder: URL(fileURLWithPath: path, isDirectory: true))
}

/// The largest difference between two arrays of the same count.
func largestDifference(
  _ a: [Float], _ b: [Float], file: StaticString = #filePath, line: UInt = #line
) -> Float {
  XCTAssertEqual(a.count, b.count, file: file, line: line)
  return zip(a, b).map { abs($0 - $1) }.max() ?? 0
}

/// Corner, size, keypoints, score: the row of a fixture.
func row(_ palm: PalmDetection) -> [Float] {
  [palm.minimum.x, palm.minimum.y, palm.size.x, palm.size.y]
    + palm.keypoints.flatMap { [$0.x, $0.y] } + [palm.confidence]
}

func row(_ region: Region) -> [Float] {
  [region.xCenter, region.yCenter, region.width, region.height, region.rotation]
}

/// The inverse of ``row(_:)-palm``.
func palm(_ row: ArraySlice<Float>) -> PalmDetection {
  let v = Array(row)
  return PalmDetection(
    minimum: SIMD2(v[0], v[1]), size: SIMD2(v[2], v[3]),
    keypoints: stride(from: 4, to: v.count - 1, by: 2).map { SIMD2(v[$0], v[$0 + 1]) },
    confidence: v[v.count - 1])
}

final class StageTests: XCTestCase {
  /// float32 rounding, in units of the image. Python performs the same operations in the same
  /// order; for real models, the expected values may have been decoded in another order.
  let rounding: Float =
    ProcessInfo.processInfo.environment["BLAZEPALM_IOS_FIXTURES"] == nil ? 1e-6 : 1e-5

  func testRawOutputsBecomePalms() throws {
    let fixtures = try stageFixtures()
    try XCTSkipIf(fixtures.manifest.decoders.isEmpty, "these fixtures have no decoders")
    var worst: Float = 0
    var count = 0
    for recorded in fixtures.manifest.decoders {
      let decoder = try PalmDecoder(
        spec: PalmSpec(
          input: ImageSize(width: recorded.width, height: recorded.height),
          anchors: recorded.facts.anchors, keypoints: recorded.facts.keypoints,
          scoreThreshold: recorded.facts.scoreThreshold,
          suppressionIoU: recorded.facts.suppressionIoU),
        maps: recorded.maps.map {
          AnchorMap(rows: $0[0], columns: $0[1], anchorsPerCell: $0[2])
        })
      let palms = try decoder.palms(
        raw: fixtures.values(recorded.raw), logits: fixtures.values(recorded.logits))
      let expected = try fixtures.values(recorded.palms)
      XCTAssertEqual(palms.count, recorded.palms.shape[0], recorded.name)
      worst = max(worst, largestDifference(palms.flatMap(row), expected))
      count += palms.count
    }
    print(
      "raw outputs: \(fixtures.manifest.decoders.count), \(count) palms, largest difference "
        + "\(worst)")
    XCTAssertLessThanOrEqual(worst, rounding)
    XCTAssertGreaterThan(count, 0)
  }

  func testPicturesBecomeInputs() throws {
    let fixtures = try stageFixtures()
    var compared = 0
    for record in fixtures.manifest.records {
      let name = try XCTUnwrap(fixtures.manifest.cases.first { $0.name == record.image })
      let picture = try fixtures.image(name.image)
      let expected = try fixtures.image(record.input)
      let found: BGRAImage
      if try fixtures.model(record.model).kind == .palm {
        found = try picture.letterboxed(to: expected.size).image
      } else {
        let index = try XCTUnwrap(Int(try XCTUnwrap(record.name.split(separator: "-").last)))
        let regions = try fixtures.values(try XCTUnwrap(name.regions))
        let v = Array(regions[5 * index..<5 * index + 5])
        let region = Region(
          xCenter: v[0], yCenter: v[1], width: v[2], height: v[3], rotation: v[4])
        found = try picture.cropped(
          to: PixelRegion(region, in: picture.size), target: expected.size, border: .repeated
        ).image
      }
      XCTAssertEqual(found, expected, "\(record.model) \(record.name)")
      compared += 1
    }
    XCTAssertGreaterThan(compared, 4)
  }

  func testDecodedOutputsBecomePalmsOfThePicture() throws {
    let fixtures = try stageFixtures()
    let pair = try XCTUnwrap(fixtures.manifest.pipeline)
    var worst: Float = 0
    var count = 0
    for record in fixtures.manifest.records where record.model == pair.palm {
      let name = try XCTUnwrap(fixtures.manifest.cases.first { $0.name == record.image })
      let palms = try palms(of: record, in: name, fixtures)
      let expected = try fixtures.values(try XCTUnwrap(name.palms))
      XCTAssertEqual(palms.count, name.palms?.shape[0], name.name)
      worst = max(worst, largestDifference(palms.flatMap(row), expected))
      count += palms.count
      let regions = HandTracking(maximumHands: pair.maximumHands).regions(
        palms: palms, in: name.image.size)
      let expectedRegions = try fixtures.values(try XCTUnwrap(name.regions))
      worst = max(worst, largestDifference(regions.flatMap { row($0.region) }, expectedRegions))
    }
    print("palms: \(count) with their regions, largest difference \(worst)")
    XCTAssertLessThanOrEqual(worst, rounding)
    XCTAssertGreaterThan(count, 0)
  }

  func testOutputsBecomeHands() throws {
    let fixtures = try stageFixtures()
    let pair = try XCTUnwrap(fixtures.manifest.pipeline)
    let threshold = try XCTUnwrap(fixtures.model(pair.hand).hand).presenceThreshold
    var compared = 0
    var worst: Float = 0
    for name in fixtures.manifest.cases {
      var present = 0
      let regions = try fixtures.values(try XCTUnwrap(name.regions))
      let expected = try fixtures.values(try XCTUnwrap(name.landmarks))
      let expectedWorld = try name.world.map { try fixtures.values($0) }
      for (index, record) in fixtures.manifest.records.filter({
        $0.model == pair.hand && $0.image == name.name
      }).enumerated() {
        let v = Array(regions[5 * index..<5 * index + 5])
        let region = Region(
          xCenter: v[0], yCenter: v[1], width: v[2], height: v[3], rotation: v[4])
        let (_, letterbox) = try PixelRegion(region, in: name.image.size).padded(
          to: record.input.size)
        func output(_ key: String) throws -> [Float] {
          try fixtures.values(try XCTUnwrap(record.outputs[key]))
        }
        let hand = region.hand(
          LandmarkOutput(
            landmarks: points(packed: try output("landmarks")),
            presence: try output("presence")[0],
            handedness: try record.outputs["handedness"].map { try fixtures.values($0)[0] },
            worldLandmarks: try record.outputs["world_landmarks"].map {
              points(packed: try fixtures.values($0))
            }),
          letterbox: letterbox)
        guard hand.confidence > threshold else { continue }
        let span = 63 * present..<63 * (present + 1)
        present += 1
        worst = max(
          worst,
          largestDifference(
            hand.landmarks.flatMap { [$0.x, $0.y, $0.z] }, Array(expected[span])))
        if let expectedWorld {
          let world = try XCTUnwrap(hand.worldLandmarks)
          worst = max(
            worst,
            largestDifference(
              world.flatMap { [$0.x, $0.y, $0.z] }, Array(expectedWorld[span])))
        } else {
          XCTAssertNil(hand.worldLandmarks)
        }
        compared += 1
      }
      XCTAssertEqual(present, name.landmarks?.shape[0], name.name)
    }
    print("hands: \(compared), largest difference \(worst)")
    XCTAssertLessThanOrEqual(worst, rounding)
    XCTAssertGreaterThan(compared, 2)
  }

  func testHandsAreFollowedThrough300Frames() throws {
    let fixtures = try stageFixtures()
    try XCTSkipIf(fixtures.manifest.sequences.isEmpty, "these fixtures have no sequences")
    let sequence = fixtures.manifest.sequences[0]
    XCTAssertEqual(sequence.frames, 300)
    let palmRows = try rows(sequence.palms, fixtures)
    let outputs = try rows(sequence.outputs, fixtures)
    let regionRows = try rows(sequence.regions, fixtures)
    let handRows = try rows(sequence.hands, fixtures)
    let size = ImageSize(width: sequence.width, height: sequence.height)
    let release = try XCTUnwrap(fixtures.manifest.pipeline).hand
    var tracking = HandTracking(
      maximumHands: sequence.maximumHands, handRule: RegionRule.hand(release: release))
    var worst: Float = 0
    var handsCompared = 0
    for frame in 0..<sequence.frames {
      let palms = palmRows.filter { $0[0] == Float(frame) }.map { palm($0[1...]) }
      let regions = tracking.regions(palms: palms, in: size)
      let expected = regionRows.filter { $0[0] == Float(frame) }
      XCTAssertEqual(regions.count, expected.count, "frame \(frame)")
      var hands: [Hand] = []
      for (interest, wanted) in zip(regions, expected) {
        worst = max(worst, largestDifference(row(interest.region), Array(wanted[3...])))
        let output = outputs[Int(wanted[2])]
        let landmarks = LandmarkOutput(
          landmarks: points(packed: output[..<63]), presence: output[63])
        let (_, letterbox) = try PixelRegion(interest.region, in: size).padded(
          to: ImageSize(width: 40, height: 40))
        hands.append(interest.region.hand(landmarks, letterbox: letterbox, palm: interest.palm))
      }
      let present = tracking.follow(hands, in: size)
      for (hand, wanted) in zip(present, handRows.filter { $0[0] == Float(frame) }) {
        worst = max(
          worst,
          largestDifference(hand.landmarks.flatMap { [$0.x, $0.y, $0.z] }, Array(wanted[2...])))
        handsCompared += 1
      }
    }
    print("tracking: 300 frames, \(regionRows.count) regions, largest difference \(worst)")
    XCTAssertLessThanOrEqual(worst, 1e-5)
    XCTAssertEqual(handsCompared, handRows.count)
    XCTAssertGreaterThan(handsCompared, 30)
  }

  private func palms(
    of record: FixtureRecord, in name: FixtureCase, _ fixtures: Fixtures
  ) throws -> [PalmDetection] {
    let model = try fixtures.model(record.model)
    let facts = try XCTUnwrap(model.palm)
    let decoder = PalmDecoder(
      spec: PalmSpec(
        input: model.input, anchors: facts.anchors, keypoints: facts.keypoints,
        scoreThreshold: facts.scoreThreshold, suppressionIoU: facts.suppressionIoU))
    func output(_ key: String) throws -> [Float] {
      try fixtures.values(try XCTUnwrap(record.outputs[key]))
    }
    let (_, letterbox) = try PixelRegion(image: name.image.size).padded(to: model.input)
    return try decoder.palms(
      boxes: output("boxes"), keypoints: output("keypoints"), scores: output("scores")
    ).map { $0.removing(letterbox) }
  }

  private func rows(_ tensor: FixtureTensor, _ fixtures: Fixtures) throws -> [[Float]] {
    let values = try fixtures.values(tensor)
    let width = tensor.shape[1]
    return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
  }
}
