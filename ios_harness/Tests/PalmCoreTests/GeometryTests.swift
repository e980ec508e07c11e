// Geometry on numbers worked out on paper.

import PalmCore
import XCTest

final class GeometryTests: XCTestCase {
  func testLetterboxOfAWidePicture() throws {
    // 200 × 100 in a square: a quarter of the square above and below
    let (grown, box) = try PixelRegion(image: ImageSize(width: 200, height: 100)).padded(
      to: ImageSize(width: 192, height: 192))
    XCTAssertEqual(box, Letterbox(left: 0, top: 0.25))
    XCTAssertEqual(grown.size, SIMD2(200, 200))
    XCTAssertEqual(box.toImage(SIMD2<Float>(0.5, 0.25)), SIMD2(0.5, 0))
    XCTAssertEqual(box.toImage(SIMD2<Float>(1, 0.75)), SIMD2(1, 1))
    XCTAssertEqual(box.sizeToImage(SIMD2(0.5, 0.25)), SIMD2(0.5, 0.5))
  }

  func testLetterboxOfATallPictureScalesDepthAsX() throws {
    let (_, box) = try PixelRegion(image: ImageSize(width: 100, height: 200)).padded(
      to: ImageSize(width: 224, height: 224))
    XCTAssertEqual(box, Letterbox(left: 0.25, top: 0))
    XCTAssertEqual(box.toImage(SIMD3<Float>(0.75, 0.5, -0.1)), SIMD3(1, 0.5, -0.2))
  }

  func testAnEmptyRegionCannotBeCropped() {
    let target = ImageSize(width: 8, height: 8)
    for size: SIMD2<Float> in [SIMD2(0, 5), SIMD2(5, -1), SIMD2(.nan, 5), SIMD2(5, .infinity)] {
      let region = PixelRegion(center: SIMD2(4, 4), size: size, rotation: 0)
      XCTAssertTrue(errorMessage { _ = try region.padded(to: target) }.contains("detect palms"))
    }
  }

  func testAnchorsOfAllGenerations() throws {
    for (side, strides, count) in [
      (192, [8, 16, 16, 16], 2016), (128, [8, 16, 16, 16], 896),
      (256, [8, 16, 32, 32, 32], 2944),
    ] {
      let maps = try anchorMaps(input: ImageSize(width: side, height: side), strides: strides)
      XCTAssertEqual(try anchorCenters(of: maps).count, count)
    }
    let centers = try anchorCenters(of: [AnchorMap(rows: 2, columns: 4, anchorsPerCell: 2)])
    XCTAssertEqual(centers[0], SIMD2(0.125, 0.25))
    XCTAssertEqual(centers[1], centers[0])
    XCTAssertEqual(centers[2], SIMD2(0.375, 0.25))
    XCTAssertEqual(centers[15], SIMD2(0.875, 0.75))
  }

  func testImpossibleMapsAreRefused() {
    for map in [(0, 1, 1), (1, -3, 1), (4096, 4096, 64)] {
      let map = AnchorMap(rows: map.0, columns: map.1, anchorsPerCell: map.2)
      XCTAssertTrue(errorMessage { _ = try anchorCenters(of: [map]) }.contains("anchors"))
    }
    XCTAssertTrue(errorMessage { _ = try anchorCenters(of: []) }.contains("maps"))
  }

  func testRegionOfAnUprightPalm() {
    // wrist straight below the middle finger: not rotated; shifted up by half the box
    var keypoints = [SIMD2<Float>](repeating: SIMD2(0.5, 0.5), count: 7)
    keypoints[0] = SIMD2(0.5, 0.75)
    keypoints[2] = SIMD2(0.5, 0.25)
    let palm = PalmDetection(
      minimum: SIMD2(0.4, 0.4), size: SIMD2(0.2, 0.2), keypoints: keypoints, confidence: 1)
    let region = RegionRule.palm.region(palm: palm, in: ImageSize(width: 100, height: 100))
    XCTAssertEqual(region.rotation, 0, accuracy: 1e-6)
    XCTAssertEqual(region.xCenter, 0.5, accuracy: 1e-6)
    XCTAssertEqual(region.yCenter, 0.4, accuracy: 1e-6)
    XCTAssertEqual(region.width, 0.52, accuracy: 1e-6)
  }

  func testRegionOfAPalmThatPointsRight() {
    // fingers to the right: rotated by +90°, and the shift goes right too
    var keypoints = [SIMD2<Float>](repeating: SIMD2(0.5, 0.5), count: 7)
    keypoints[0] = SIMD2(0.25, 0.5)
    keypoints[2] = SIMD2(0.75, 0.5)
    let palm = PalmDetection(
      minimum: SIMD2(0.4, 0.4), size: SIMD2(0.2, 0.2), keypoints: keypoints, confidence: 1)
    let region = RegionRule.palm.region(palm: palm, in: ImageSize(width: 200, height: 100))
    XCTAssertEqual(region.rotation, .pi / 2, accuracy: 1e-6)
    XCTAssertEqual(region.xCenter, 0.55, accuracy: 1e-6)  // half of 20 pixels of height, of 200
    XCTAssertEqual(region.yCenter, 0.5, accuracy: 1e-6)
    XCTAssertEqual(region.width * 200, region.height * 100, accuracy: 1e-4)
    XCTAssertEqual(region.width * 200, 2.6 * 40, accuracy: 1e-4)
    // the fingers point to the crop's top
    let top = region.project([SIMD3(0.5, 0, 0)])[0]
    XCTAssertEqual(top.y, region.yCenter, accuracy: 1e-6)
  }

  func testProjectionAgainstCorners() {
    let region = Region(xCenter: 0.4, yCenter: 0.6, width: 0.2, height: 0.4, rotation: 0.7)
    let corners = region.corners(in: ImageSize(width: 400, height: 200))
    let projected = region.project([SIMD3(0, 0, 1), SIMD3(1, 0, 1), SIMD3(1, 1, 1), SIMD3(0, 1, 1)])
    for (corner, point) in zip(corners, projected) {
      XCTAssertEqual(corner.x, point.x, accuracy: 1e-6)
      // projection is in square units: the corner's y is rotated in pixels
      XCTAssertEqual(corner.y, point.y, accuracy: 1e-6)
      XCTAssertEqual(point.z, 0.2)
    }
  }

  func testOfTwoRegionsOfOneHandTheLaterStays() {
    let a = Region(xCenter: 0.5, yCenter: 0.5, width: 0.4, height: 0.4, rotation: 0)
    var b = a
    b.xCenter += 0.1  // IoU 0.6
    var c = a
    c.xCenter += 0.3
    XCTAssertEqual(distinct([a, b, c]), [1, 2])
    XCTAssertEqual(distinct([b, c, a]), [1, 2])
    XCTAssertEqual(distinct([]), [])
  }

  func testTrackingDetectsOnlyWhileHandsAreMissing() {
    var tracking = HandTracking(maximumHands: 1)
    let size = ImageSize(width: 100, height: 100)
    XCTAssertTrue(tracking.needsPalms)
    let region = Region(xCenter: 0.5, yCenter: 0.5, width: 0.5, height: 0.5, rotation: 0)
    let landmarks = (0..<21).map { (index: Int) -> SIMD3<Float> in
      SIMD3<Float>(Float(index % 5), Float(index / 5), 0) / 10
    }
    let weak = Hand(landmarks: landmarks, confidence: 0.5, region: region)
    XCTAssertEqual(tracking.follow([weak], in: size), [])
    XCTAssertTrue(tracking.needsPalms)
    var strong = weak
    strong.confidence = 0.51
    XCTAssertEqual(tracking.follow([strong], in: size), [strong])
    XCTAssertFalse(tracking.needsPalms)
    XCTAssertEqual(tracking.regions(palms: [], in: size).count, 1)
    tracking.reset()
    XCTAssertTrue(tracking.needsPalms)
    tracking.follows = false
    XCTAssertEqual(tracking.follow([strong], in: size), [strong])
    XCTAssertTrue(tracking.needsPalms)
  }

  func testOverlayFillsTheViewAndMirrors() {
    // a 720 × 1280 picture over a 400 × 400 view: scale 400/720, cropped above and below
    let picture = ImageSize(width: 720, height: 1280)
    let plain = OverlayGeometry(picture: picture, view: SIMD2(400, 400), mirrored: false)
    XCTAssertEqual(plain.scale, 400.0 / 720, accuracy: 1e-12)
    XCTAssertEqual(plain.origin.x, 0, accuracy: 1e-9)
    XCTAssertEqual(plain.origin.y, (400 - 1280 * 400.0 / 720) / 2, accuracy: 1e-9)
    let middle = plain.point(SIMD2<Float>(0.5, 0.5))
    XCTAssertEqual(middle.x, 200, accuracy: 1e-9)
    XCTAssertEqual(middle.y, 200, accuracy: 1e-9)
    let mirrored = OverlayGeometry(picture: picture, view: SIMD2(400, 400), mirrored: true)
    XCTAssertEqual(mirrored.point(SIMD2<Float>(0.25, 0.5)).x, 300, accuracy: 1e-9)
    XCTAssertEqual(mirrored.point(SIMD3<Float>(0.25, 0.5, 9)).y, 200, accuracy: 1e-9)
    let box = mirrored.box(minimum: SIMD2(0.25, 0.25), maximum: SIMD2(0.5, 0.5))
    XCTAssertEqual(box.origin.x, 200, accuracy: 1e-9)
    XCTAssertEqual(box.size.x, 100, accuracy: 1e-9)
    XCTAssertEqual(box.size.y, 0.25 * 1280 * 400 / 720, accuracy: 1e-9)
  }

  func testNearnessIsOneForTheNearest() {
    XCTAssertEqual(nearness([SIMD3(0, 0, -2), SIMD3(0, 0, 0), SIMD3(0, 0, 2)]), [1, 0.5, 0])
    XCTAssertEqual(nearness([SIMD3(0, 0, 1), SIMD3(0, 0, 1)]), [0.5, 0.5])
  }

  func testHandednessAndBones() {
    let region = Region(xCenter: 0, yCenter: 0, width: 1, height: 1, rotation: 0)
    var hand = Hand(landmarks: [], confidence: 1, region: region)
    XCTAssertNil(hand.handedness)
    hand.handednessScore = 0.9
    XCTAssertEqual(hand.handedness, .right)
    XCTAssertEqual(Set(Hand.bones.flatMap { [$0.0, $0.1] }), Set(0..<21))
  }
}
