// Runs whole pictures through the tracker, and compares the hands found with those expected.

import Foundation
import PalmCore
import PalmKit

#if canImport(CoreML)
  import CoreML

  extension HarnessRun {
    /// A tracker with the fixtures' pair of models that forgets each picture; nil if the fixtures
    /// have no pair.
    ///
    /// Throws `PalmError` if the models cannot be loaded.
    public func tracker(
      _ units: Units, isolation: isolated (any Actor)? = #isolation
    ) async throws -> HandTracker? {
      guard let pair = fixtures.manifest.pipeline else { return nil }
      var options = HandTracker.Options()
      options.units = units
      options.maximumHands = pair.maximumHands
      options.follows = false
      return try HandTracker(
        palm: await load(Job(model: fixtures.model(pair.palm), units: units)),
        landmarks: await load(Job(model: fixtures.model(pair.hand), units: units)),
        options: options)
    }

    /// Finds the hands in a picture and compares. Returns a document with the added rows.
    public func pipeline(
      _ picture: FixtureCase, _ units: Units, _ tracker: HandTracker
    ) throws -> Results {
      do {
        let buffer = try makePixelBuffer(fixtures.image(picture.image))
        let hands = try pooled { try tracker.hands(in: buffer) }
        guard let landmarks = picture.landmarks else {
          throw PalmError.invalidFixtures("its expected hands are unknown")
        }
        let all = points(packed: try fixtures.values(landmarks))
        let expected = stride(from: 0, to: all.count, by: Hand.landmarkCount).map {
          Array(all[$0..<min($0 + Hand.landmarkCount, all.count)])
        }
        let comparison = HandComparison(expected: expected, found: hands.map(\.landmarks))
        try save(hands, tracker.palms, picture.name, units)
        return try store.add { results in
          results.pipeline = [
            PipelineRow(case: picture.name, units: units.rawValue, comparison: comparison)
          ]
        }
      } catch let error as PalmError {
        let message = PalmError.invalidTensor("\(picture.name): \(error.description)")
        return try fail("pipeline", units: units, message)
      }
    }

    private func save(
      _ hands: [Hand], _ palms: [PalmDetection], _ name: String, _ units: Units
    ) throws {
      let regions = hands.map(\.region)
      let tensors: [(String, [Float])] = [
        ("landmarks", hands.flatMap { $0.landmarks.flatMap { [$0.x, $0.y, $0.z] } }),
        ("presence", hands.map(\.confidence)),
        (
          "regions",
          regions.flatMap { [$0.xCenter, $0.yCenter, $0.width, $0.height, $0.rotation] }
        ),
        (
          "boxes",
          palms.flatMap { palm in
            [palm.minimum.x, palm.minimum.y, palm.size.x, palm.size.y]
              + palm.keypoints.flatMap { [$0.x, $0.y] } + [palm.confidence]
          }
        ),
      ]
      for (tensor, values) in tensors {
        _ = try store.saveRaw(
          values, folder: "pipeline", case: name, units: units, tensor: tensor)
      }
    }
  }
#endif
