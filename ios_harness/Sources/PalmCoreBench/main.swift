// Times PalmCore's work per frame after the models: 2016 anchors, two hands.
//
//   swift run -c release palmcore-bench [frames]
//
// Prints the median and the 99th percentile of: palms (threshold, suppression, letterbox), hands
// (regions, projection, next regions), both together, and the two warps before the models.

import Foundation
import PalmCore

let frames = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 2000
let picture = ImageSize(width: 720, height: 1280)
let input = ImageSize(width: 192, height: 192)
let crop = ImageSize(width: 224, height: 224)
let anchors = 2016

/// Decoded outputs in which 40 anchors find each of two palms.
func outputs() -> (boxes: [Float], keypoints: [Float], scores: [Float]) {
  var boxes = [Float](repeating: 0, count: 4 * anchors)
  var keypoints = [Float](repeating: 0, count: 14 * anchors)
  var scores = [Float](repeating: 0.01, count: anchors)
  for index in 0..<80 {
    let anchor = index * 25
    let x: Float = (index % 2 == 0 ? 0.4 : 0.6) + Float(index) * 0.0002
    boxes[4 * anchor] = x - 0.05
    boxes[4 * anchor + 1] = 0.45
    boxes[4 * anchor + 2] = x + 0.05
    boxes[4 * anchor + 3] = 0.55
    for point in 0..<7 {
      keypoints[14 * anchor + 2 * point] = x
      keypoints[14 * anchor + 2 * point + 1] = 0.55 - 0.05 * Float(point)
    }
    scores[anchor] = 0.6 + Float(index) * 0.004
  }
  return (boxes, keypoints, scores)
}

/// The median and 99th percentile of `body`'s time, in milliseconds.
func measure(_ body: () throws -> Void) rethrows -> (Double, Double) {
  let clock = ContinuousClock()
  var samples: [Double] = []
  for frame in 0..<frames + 50 {
    let elapsed = try clock.measure(body)
    if frame >= 50 {
      let (seconds, attoseconds) = elapsed.components
      samples.append(Double(seconds) * 1e3 + Double(attoseconds) / 1e15)
    }
  }
  return (percentile(samples, 50) ?? .nan, percentile(samples, 99) ?? .nan)
}

func show(_ what: String, _ times: (Double, Double)) {
  print(
    what.padding(toLength: 12, withPad: " ", startingAt: 0)
      + String(format: "p50 %.4f ms   p99 %.4f ms", times.0, times.1))
}

let decoder = PalmDecoder(
  spec: PalmSpec(
    input: input, anchors: anchors, keypoints: 7, scoreThreshold: 0.5, suppressionIoU: 0.3))
let (boxes, keypoints, scores) = outputs()
let (_, letterbox) = try PixelRegion(image: picture).padded(to: input)
let landmarks = (0..<Hand.landmarkCount).map { (index: Int) -> SIMD3<Float> in
  SIMD3(0.3 + 0.02 * Float(index), 0.8 - 0.025 * Float(index), 0)
}
let output = LandmarkOutput(landmarks: landmarks, presence: 0.9, worldLandmarks: landmarks)

@MainActor func palms() throws -> [PalmDetection] {
  try decoder.palms(boxes: boxes, keypoints: keypoints, scores: scores).map {
    $0.removing(letterbox)
  }
}

@MainActor func hands(_ palms: [PalmDetection]) throws -> Int {
  var tracking = HandTracking(maximumHands: 2)
  let found = try tracking.regions(palms: palms, in: picture).map { interest in
    let (_, box) = try PixelRegion(interest.region, in: picture).padded(to: crop)
    return interest.region.hand(output, letterbox: box, palm: interest.palm)
  }
  return tracking.follow(found, in: picture).count
}

let found = try palms()
guard found.count == 2, try hands(found) == 2 else {
  fatalError("expected two hands, found \(found.count) palms")
}
print("\(anchors) anchors, 2 hands, \(frames) frames")
show("palms", try measure { _ = try palms() })
show("hands", try measure { _ = try hands(found) })
show("together", try measure { _ = try hands(palms()) })
let image = try BGRAImage(
  size: picture, bytes: [UInt8](repeating: 100, count: 4 * picture.width * picture.height))
let regions = HandTracking(maximumHands: 2).regions(palms: found, in: picture)
show("letterbox", try measure { _ = try image.letterboxed(to: input) })
show(
  "crops",
  try measure {
    for interest in regions {
      let region = PixelRegion(interest.region, in: picture)
      _ = try image.cropped(to: region, target: crop, border: .repeated)
    }
  })
