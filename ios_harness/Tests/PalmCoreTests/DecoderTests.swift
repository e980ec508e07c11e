// Decoding and suppression of detections with results worked out on paper.

import PalmCore
import XCTest

final class DecoderTests: XCTestCase {
  private let spec = PalmSpec(
    input: ImageSize(width: 100, height: 100), anchors: 4, keypoints: 1, scoreThreshold: 0.5,
    suppressionIoU: 0.3)

  private func palms(_ boxes: [[Float]], _ scores: [Float]) throws -> [PalmDetection] {
    try PalmDecoder(spec: spec).palms(
      boxes: boxes.flatMap { $0 }, keypoints: boxes.flatMap { [$0[0], $0[1]] }, scores: scores)
  }

  func testOverlappingPalmsBecomeTheirWeightedMean() throws {
    let found = try palms(
      [[0, 0, 1, 1], [0.5, 0, 1.5, 1], [5, 5, 6, 6], [9, 9, 10, 10]], [0.6, 0.8, 0.9, 0.4])
    XCTAssertEqual(found.count, 2)
    XCTAssertEqual(found[0].confidence, 0.9)
    XCTAssertEqual(found[0].minimum, SIMD2(5, 5))
    XCTAssertEqual(found[1].confidence, 0.8)
    // (0 · 0.6 + 0.5 · 0.8) / 1.4
    XCTAssertEqual(found[1].minimum.x, 0.4 / 1.4, accuracy: 1e-6)
    XCTAssertEqual(found[1].maximum.x, 1 + 0.4 / 1.4, accuracy: 1e-6)
    XCTAssertEqual(found[1].keypoints[0].x, 0.4 / 1.4, accuracy: 1e-6)
  }

  func testOverlapAtTheThresholdIsKeptApart() throws {
    // IoU of exactly one third, threshold one third
    var loose = spec
    loose.suppressionIoU = 1 / 3
    let boxes: [Float] = [0, 0, 2, 1, 1, 0, 3, 1, 50, 50, 51, 51, 60, 60, 61, 61]
    let found = try PalmDecoder(spec: loose).palms(
      boxes: boxes, keypoints: [Float](repeating: 0, count: 8), scores: [0.9, 0.8, 0.1, 0.1])
    XCTAssertEqual(found.count, 2)
  }

  func testEqualScoresKeepTheOrderOfAnchors() throws {
    let found = try palms(
      [[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5], [6, 6, 7, 7]], [0.7, 0.7, 0.7, 0.7])
    XCTAssertEqual(found.map(\.minimum.x), [0, 2, 4, 6])
  }

  func testEmptyAndImpossibleBoxes() throws {
    let found = try palms(
      [[1, 1, 1, 1], [0, 0, -1, 1], [0, 0, .nan, 1], [3, 3, 4, 4]], [0.9, 0.9, 0.9, .nan])
    XCTAssertEqual(found.count, 1)  // empty stays; negative, NaN and NaN score do not
    XCTAssertEqual(found[0].size, SIMD2(0, 0))
  }

  func testRawOffsetsAreInPixelsFromTheAnchor() throws {
    let decoder = try PalmDecoder(
      spec: spec, maps: [AnchorMap(rows: 2, columns: 2, anchorsPerCell: 1)])
    var raw = [Float](repeating: 0, count: 24)
    raw.replaceSubrange(18..<24, with: [10, -5, 20, 40, 25, 0])  // the last anchor: (0.75, 0.75)
    let found = try decoder.palms(raw: raw, logits: [-1, -2, -3, 0])
    XCTAssertEqual(found.count, 1)
    XCTAssertEqual(found[0].confidence, 0.5)  // at the threshold
    XCTAssertEqual(found[0].minimum.x, 0.75, accuracy: 1e-6)
    XCTAssertEqual(found[0].minimum.y, 0.5, accuracy: 1e-6)
    XCTAssertEqual(found[0].maximum.x, 0.95, accuracy: 1e-6)
    XCTAssertEqual(found[0].keypoints[0].x, 1, accuracy: 1e-6)
  }

  func testHugeLogitsStayFinite() throws {
    let decoder = try PalmDecoder(
      spec: spec, maps: [AnchorMap(rows: 2, columns: 2, anchorsPerCell: 1)])
    let found = try decoder.palms(
      raw: [Float](repeating: 0, count: 24), logits: [1e30, -1e30, -.infinity, .infinity])
    XCTAssertEqual(found.map(\.confidence), [1, 1])
  }

  func testWrongSizesAreRefused() throws {
    let decoder = PalmDecoder(spec: spec)
    XCTAssertTrue(
      errorMessage { _ = try decoder.palms(boxes: [1], keypoints: [], scores: []) }
        .contains("4 × 4"))
    XCTAssertTrue(
      errorMessage { _ = try decoder.palms(raw: [], logits: []) }.contains("anchors"))
    XCTAssertTrue(
      errorMessage {
        _ = try PalmDecoder(
          spec: spec, maps: [AnchorMap(rows: 1, columns: 1, anchorsPerCell: 1)])
      }.contains("1 anchors"))
  }
}
