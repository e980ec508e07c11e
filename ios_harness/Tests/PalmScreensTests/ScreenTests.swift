// The screens' contents, checked against arithmetic on paper.

import PalmCore
import PalmScreens
import XCTest

final class ScreenTests: XCTestCase {
  private let region = Region(xCenter: 0.5, yCenter: 0.5, width: 0.4, height: 0.2, rotation: 0)

  private func hand(palm: PalmDetection? = nil) -> Hand {
    Hand(
      landmarks: (0..<21).map { SIMD3(Float($0) / 20, 0.25, -Float($0)) }, confidence: 0.966,
      handednessScore: 0.1, region: region, palm: palm)
  }

  func testRateCountsTheLastSecond() {
    var rate = FrameRate()
    XCTAssertNil(rate.perSecond)
    rate.frame(at: 10)
    XCTAssertNil(rate.perSecond)
    for index in 1...5 { rate.frame(at: 10 + Double(index) / 4) }
    // frames at 10.25, 10.5 … 11.25 remain: four gaps in one second
    XCTAssertEqual(rate.perSecond, 4)
    rate.frame(at: 20)
    XCTAssertNil(rate.perSecond)
    rate.frame(at: 3)  // another clock: starts afresh
    XCTAssertNil(rate.perSecond)
  }

  func testAHandIsDrawnWhereThePreviewShowsIt() {
    // 720 × 1280 pixels over 360 × 800 points: scale 0.625, 45 points cropped on either side
    let view = SIMD2<Double>(360, 800)
    let picture = ImageSize(width: 720, height: 1280)
    let drawing = HandDrawing(hand(), picture: picture, view: view, mirrored: true)
    XCTAssertEqual(drawing.dots.count, 21)
    XCTAssertEqual(drawing.bones.count, 21)
    XCTAssertEqual(drawing.dots[0].position, SIMD2(360 + 45, 200))  // x 0 is at the right
    XCTAssertEqual(drawing.dots[10].position, SIMD2(180, 200))
    XCTAssertEqual(drawing.dots[0].nearness, 0)
    XCTAssertEqual(drawing.dots[20].nearness, 1)
    XCTAssertEqual(drawing.bones[0].to, drawing.dots[1].position)
    // the region is 180 points wide and 160 high about the middle; its top left is at the right
    for (corner, expected) in zip(
      drawing.region, [SIMD2(270.0, 320.0), SIMD2(90, 320), SIMD2(90, 480), SIMD2(270, 480)])
    {
      XCTAssertEqual(corner.x, expected.x, accuracy: 1e-3)
      XCTAssertEqual(corner.y, expected.y, accuracy: 1e-3)
    }
    XCTAssertEqual(drawing.palm, [])
    XCTAssertEqual(drawing.caption, "left 97 %")
    XCTAssertEqual(drawing.captionPosition.y, 308, accuracy: 1e-3)
  }

  func testAPalmsBoxAndACaptionAtTheEdge() {
    let palm = PalmDetection(
      minimum: SIMD2(0.25, 0), size: SIMD2(0.5, 1), keypoints: [], confidence: 1)
    var hand = hand(palm: palm)
    hand.region = Region(xCenter: 0, yCenter: 0, width: 0.5, height: 0.5, rotation: 0)
    hand.handednessScore = nil
    let drawing = HandDrawing(
      hand, picture: ImageSize(width: 100, height: 100), view: SIMD2(200, 200), mirrored: false)
    XCTAssertEqual(
      drawing.palm, [SIMD2(50, 0), SIMD2(150, 0), SIMD2(150, 200), SIMD2(50, 200)])
    XCTAssertEqual(drawing.caption, "97 %")
    XCTAssertEqual(drawing.captionPosition, SIMD2(40, 12))  // kept inside the view
  }

  func testColoursGetLighterTowardsTheViewer() {
    let lightness = stride(from: 0.0, through: 1.0, by: 0.05).map { nearness in
      let colour = depthColor(nearness)
      return 0.2126 * colour.x + 0.7152 * colour.y + 0.0722 * colour.z
    }
    XCTAssertEqual(lightness, lightness.sorted())
    XCTAssertEqual(depthColor(0), SIMD3(0.15, 0.25, 0.75))
    XCTAssertEqual(depthColor(2), depthColor(1))
    XCTAssertEqual(depthColor(.nan), depthColor(0.5))
  }

  func testHandsInWords() {
    XCTAssertEqual(spoken([]), "No hand")
    var other = hand()
    other.handednessScore = nil
    XCTAssertEqual(spoken([hand(), other]), "left hand, 97 %; hand, 97 %")
  }

  func testMilliseconds() {
    XCTAssertEqual(millisecondsText(1.234), "1.23 ms")
    XCTAssertEqual(millisecondsText(12.34), "12.3 ms")
    XCTAssertEqual(millisecondsText(.nan), "? ms")
  }

  func testEveryCameraProblemSaysWhatToDo() {
    let problems: [CameraProblem] = [
      .denied, .restricted, .missing, .interrupted, .unusable("no format"),
    ]
    XCTAssertEqual(Set(problems.map(sentence)).count, problems.count)
    XCTAssertEqual(problems.filter(\.isForSettings), [.denied])
    XCTAssertTrue(sentence(CameraProblem.unusable("no format")).contains("no format"))
  }

  func testTheHostOfTestsIsKnown() {
    XCTAssertFalse(isTestHost(["PATH": "/bin", "TEST_RUNNER_BLAZEPALM_IOS_UNITS": "all"]))
    XCTAssertTrue(isTestHost(["XCTestConfigurationFilePath": ""]))
    XCTAssertTrue(isTestHost(["XCTestBundlePath": "PlugIns/HarnessTests.xctest"]))
  }

  func testAnAppWithoutModelsSaysHowToGetThem() throws {
    XCTAssertThrowsError(try bundledFixtures(in: .main)) { error in
      XCTAssertTrue(sentence(error).contains("blazepalm golden export-ios"))
    }
  }
}
