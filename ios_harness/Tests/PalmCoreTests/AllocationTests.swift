// Decoding and suppression allocate nothing per anchor: any number of anchors costs the same number
// of allocations. The counter replaces glibc's malloc, so this runs on Linux only.

#if canImport(AllocationCounter)
  import AllocationCounter
  import PalmCore
  import XCTest

  final class AllocationTests: XCTestCase {
    /// Anchors of the palm detectors of 2020 and of 2021, and four times as many.
    private let sizes = [896, 2016, 8064]

    func testTheCounterCounts() {
      let nothing = allocations {
        var sum = 0
        for index in 0..<1000 { sum &+= index }
        XCTAssertEqual(sum, 499_500)
      }
      var boxes: [Box] = []
      let boxed = allocations {
        for index in 0..<1000 { boxes.append(Box(index)) }
      }
      XCTAssertEqual(boxes.count, 1000)
      XCTAssertLessThan(nothing, 100)
      XCTAssertGreaterThanOrEqual(boxed, 1000)
    }

    func testDecodedOutputsCostNothingForAnAnchor() throws {
      // 20 anchors are above the threshold, whatever their total
      let few = try sizes.map { try decoded(anchors: $0, above: 20) }
      XCTAssertEqual(Set(few).count, 1, "\(sizes) anchors: \(few) allocations")
      // one in eight is above it: more to sort and to merge
      let many = try sizes.map { try decoded(anchors: $0, above: $0 / 8) }
      XCTAssertLessThanOrEqual(many[2], many[0] + 8, "\(sizes) anchors: \(many) allocations")
      XCTAssertLessThan(many[2], 40, "\(sizes) anchors: \(many) allocations")
      print("allocations of \(sizes) anchors, decoded: \(few); one in eight a palm: \(many)")
    }

    func testRawOutputsCostNothingForAnAnchor() throws {
      let few = try sizes.map { try raw(anchors: $0, above: 20) }
      XCTAssertEqual(Set(few).count, 1, "\(sizes) anchors: \(few) allocations")
      let many = try sizes.map { try raw(anchors: $0, above: $0 / 8) }
      XCTAssertLessThanOrEqual(many[2], many[0] + 8, "\(sizes) anchors: \(many) allocations")
      XCTAssertLessThan(many[2], 40, "\(sizes) anchors: \(many) allocations")
      print("allocations of \(sizes) anchors, raw: \(few); one in eight a palm: \(many)")
    }

    /// Allocations for one frame of decoded outputs with two palms.
    private func decoded(anchors: Int, above: Int) throws -> Int {
      let decoder = PalmDecoder(spec: spec(anchors))
      var boxes = [Float](repeating: 0, count: 4 * anchors)
      let keypoints = [Float](repeating: 0.5, count: 14 * anchors)
      var scores = [Float](repeating: 0.1, count: anchors)
      for index in 0..<above {
        let anchor = index * (anchors / above)
        let x: Float = index % 2 == 0 ? 0.2 : 0.7
        boxes.replaceSubrange(4 * anchor..<4 * anchor + 4, with: [x, 0.4, x + 0.1, 0.5])
        scores[anchor] = score(index)
      }
      return try steady { try decoder.palms(boxes: boxes, keypoints: keypoints, scores: scores) }
    }

    /// Allocations for one frame of raw outputs.
    private func raw(anchors: Int, above: Int) throws -> Int {
      // anchors of one column of cells: x is 0.5 for all
      let map = AnchorMap(rows: anchors / 2, columns: 1, anchorsPerCell: 2)
      let decoder = try PalmDecoder(spec: spec(anchors), maps: [map])
      let centers = try anchorCenters(of: [map])
      var raw = [Float](repeating: 0, count: 18 * anchors)
      var logits = [Float](repeating: -5, count: anchors)
      for index in 0..<above {
        let anchor = index * (anchors / above)
        let y: Float = index % 2 == 0 ? 0.2 : 0.7
        raw[18 * anchor + 1] = 100 * (y - centers[anchor].y)
        raw[18 * anchor + 2] = 10
        raw[18 * anchor + 3] = 10
        logits[anchor] = 5 * score(index)
      }
      return try steady { try decoder.palms(raw: raw, logits: logits) }
    }

    /// Unsorted scores in 0.6…0.9.
    private func score(_ index: Int) -> Float {
      0.6 + 0.3 * Float(index * 7919 % 1009) / 1009
    }

    private func spec(_ anchors: Int) -> PalmSpec {
      PalmSpec(
        input: ImageSize(width: 100, height: 100), anchors: anchors, keypoints: 7,
        scoreThreshold: 0.5, suppressionIoU: 0.3)
    }

    /// Allocations of the third frame, when all state kept between frames exists.
    private func steady(_ frame: () throws -> [PalmDetection]) throws -> Int {
      XCTAssertEqual(try frame().count, 2)
      _ = try frame()
      return try allocations { _ = try frame() }
    }

    /// The number of heap allocations in `body`.
    private func allocations(_ body: () throws -> Void) rethrows -> Int {
      let before = allocation_count()
      try body()
      return Int(allocation_count() - before)
    }
  }

  private final class Box {
    let value: Int

    init(_ value: Int) {
      self.value = value
    }
  }
#endif
