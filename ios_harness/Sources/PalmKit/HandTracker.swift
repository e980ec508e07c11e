// Pixel buffer in, hands out: letterbox, detector, regions, crops, landmark model, tracking.
//
//   let tracker = try await HandTracker.load(palm: "PalmFull_2023_09", landmarks: "HandFull_2022")
//   let hands = try tracker.hands(in: pixelBuffer, orientation: .right)

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore

  #if canImport(CoreVideo)
    import CoreVideo
  #endif

  /// The time of each stage of a frame in milliseconds; 0 for a skipped stage.
  public struct FrameTimings: Equatable, Sendable {
    /// Making the picture upright 32BGRA, if it is not, and drawing the detector's input.
    public var letterbox = 0.0
    /// The palm detector.
    public var detector = 0.0
    /// Suppression and regions.
    public var palms = 0.0
    /// Drawing the crops.
    public var crops = 0.0
    /// The landmark model, all hands.
    public var landmarks = 0.0
    /// Projection, and the next frame's regions.
    public var hands = 0.0

    /// All stages at 0.
    public init() {}

    /// All stages together.
    public var total: Double { letterbox + detector + palms + crops + landmarks + hands }
  }

  /// Finds the hands in pictures, and tracks them from one to the next.
  ///
  /// It stores buffers and the previous frame's hands, so use it from one serial queue; with a
  /// running camera, never the main queue.
  public final class HandTracker {
    /// A tracker's options.
    public struct Options: Equatable, Sendable {
      /// The units that Core ML may use.
      public var units = Units.all
      /// The number of hands to look for.
      public var maximumHands = 2
      /// Whether to track hands from frame to frame; if not, palms are detected in each.
      public var follows = true

      /// Two hands, on all units, tracked.
      public init() {}
    }

    /// The facts that the palm detector states.
    public var palmInfo: HandModelInfo { palmModel.info }
    /// The facts that the landmark model states.
    public var landmarkInfo: HandModelInfo { landmarkModel.info }
    /// The last frame's times.
    public private(set) var timings = FrameTimings()
    /// The palms detected in the last frame, best first; empty if detection was not needed.
    public private(set) var palms: [PalmDetection] = []
    /// The number of hands to look for, from the next frame on.
    public var maximumHands: Int {
      get { tracking.maximumHands }
      set { tracking.maximumHands = max(1, newValue) }
    }

    private let palmModel: any HandModelRunner
    private let landmarkModel: any HandModelRunner
    private let decoder: PalmDecoder
    private let square: CVPixelBuffer
    private var cropBuffers: [CVPixelBuffer] = []
    private var copy: CVPixelBuffer?
    private var tracking: HandTracking
    private let clock = ContinuousClock()

    /// A tracker with two loaded models.
    ///
    /// Throws `PalmError.invalidModel` if they are not a palm detector and a
    /// landmark model with face `app`.
    public init(
      palm: any HandModelRunner, landmarks: any HandModelRunner, options: Options = Options()
    ) throws {
      guard palm.info.kind == .palm, landmarks.info.kind == .hand else {
        throw PalmError.invalidModel(
          "expected a palm detector and a landmark model, in this order; got \(palm.info.release) "
            + "and \(landmarks.info.release)")
      }
      palmModel = palm
      landmarkModel = landmarks
      decoder = PalmDecoder(spec: try palm.info.palmSpec())
      square = try makePixelBuffer(palm.info.input)
      tracking = HandTracking(
        maximumHands: max(1, options.maximumHands),
        handRule: .hand(release: landmarks.info.release),
        presenceThreshold: landmarks.info.presenceThreshold, follows: options.follows)
    }

    /// Compiles (once) and loads two packages, `.mlpackage` or `.mlmodelc`.
    ///
    /// Throws `PalmError.invalidModel` if that fails.
    public static func load(
      palm: URL, landmarks: URL, options: Options = Options(), store: ModelStore? = nil
    ) async throws -> HandTracker {
      let store = try store ?? ModelStore()
      return try HandTracker(
        palm: await runner(palm, options.units, store),
        landmarks: await runner(landmarks, options.units, store), options: options)
    }

    /// Loads two models from an app's bundle, by name and without extension. Xcode compiles a
    /// package that is a source of a target to `Name.mlmodelc`; a package in a copied folder stays
    /// `Name.mlpackage` and is compiled here, once.
    ///
    /// Throws `PalmError.invalidModel` if a model is missing or does not load.
    public static func load(
      palm: String, landmarks: String, in bundle: Bundle = .main, options: Options = Options(),
      store: ModelStore? = nil
    ) async throws -> HandTracker {
      try await load(
        palm: model(palm, in: bundle), landmarks: model(landmarks, in: bundle), options: options,
        store: store)
    }

    private static func model(_ name: String, in bundle: Bundle) throws -> URL {
      for suffix in ["mlmodelc", "mlpackage"] {
        if let url = bundle.url(forResource: name, withExtension: suffix) { return url }
      }
      throw PalmError.invalidModel(
        "\(bundle.bundleURL.lastPathComponent) has no model \(name): add \(name).mlpackage to the "
          + "target in Xcode, under Build Phases, Compile Sources")
    }

    /// The hands in a picture of any size: 32BGRA, 32RGBA, 32ARGB, or a camera's 420v or 420f.
    /// Newly detected hands come first.
    ///
    /// `orientation` says how the stored picture is turned to be upright, as Vision's requests
    /// take it; hands are normalised to the upright picture. Anything but upright 32BGRA is first
    /// converted to it. If a 420v or 420f buffer does not name its matrix, BT.601 is assumed.
    ///
    /// Throws `PalmError` if the picture or an output is invalid; the tracker then
    /// forgets the previous frame's hands.
    public func hands(
      in picture: CVPixelBuffer, orientation: ImageOrientation = .up
    ) throws -> [Hand] {
      timings = FrameTimings()
      palms = []
      do {
        return try find(in: timed(\.letterbox) { try uprightBGRA(picture, orientation) })
      } catch {
        tracking.reset()
        throw error
      }
    }

    /// Forgets the previous frame's hands; call it before another video.
    public func reset() {
      tracking.reset()
    }

    /// `picture` itself if it is upright 32BGRA, else a copy in the tracker's own buffer.
    private func uprightBGRA(
      _ picture: CVPixelBuffer, _ orientation: ImageOrientation
    ) throws -> CVPixelBuffer {
      if orientation == .up, CVPixelBufferGetPixelFormatType(picture) == kCVPixelFormatType_32BGRA {
        return picture
      }
      let size = orientation.upright(pixelSize(of: picture))
      let buffer: CVPixelBuffer
      if let copy, pixelSize(of: copy) == size {
        buffer = copy
      } else {
        buffer = try makePixelBuffer(size)
        copy = buffer
      }
      try writeUpright(picture, orientation, to: buffer)
      return buffer
    }

    private func find(in picture: CVPixelBuffer) throws -> [Hand] {
      let size = pixelSize(of: picture)
      if tracking.needsPalms {
        palms = try detect(in: picture, size)
      }
      let interests = timed(\.palms) { tracking.regions(palms: palms, in: size) }
      let letterboxes = try timed(\.crops) {
        try interests.enumerated().map { index, interest in
          try draw(
            picture, region: PixelRegion(interest.region, in: size), border: .repeated,
            into: try cropBuffer(index))
        }
      }
      let outputs = try timed(\.landmarks) {
        try landmarkModel.predict(Array(cropBuffers.prefix(interests.count)))
      }
      return try timed(\.hands) {
        let found = try zip(zip(interests, letterboxes), outputs).map { place, output in
          place.0.region.hand(
            try landmarkOutput(output), letterbox: place.1, palm: place.0.palm)
        }
        return tracking.follow(found, in: size)
      }
    }

    private func detect(in picture: CVPixelBuffer, _ size: ImageSize) throws -> [PalmDetection] {
      let letterbox = try timed(\.letterbox) {
        try draw(picture, region: PixelRegion(image: size), border: .black, into: square)
      }
      let outputs = try timed(\.detector) { try palmModel.predict([square])[0] }
      return try timed(\.palms) {
        let found = try decoder.palms(
          boxes: values("boxes", outputs), keypoints: values("keypoints", outputs),
          scores: values("scores", outputs))
        return found.map { $0.removing(letterbox) }
      }
    }

    private func landmarkOutput(_ outputs: [String: OutputTensor]) throws -> LandmarkOutput {
      func landmarks(_ name: String) throws -> [SIMD3<Float>] {
        let found = points(packed: try values(name, outputs))
        guard found.count == Hand.landmarkCount else {
          throw PalmError.invalidTensor(
            "output \(name) has \(found.count) points, expected \(Hand.landmarkCount)")
        }
        return found
      }
      func number(_ name: String) throws -> Float {
        let found = try values(name, outputs)
        guard found.count == 1 else {
          throw PalmError.invalidTensor("output \(name) has \(found.count) values, expected 1")
        }
        return found[0]
      }
      return LandmarkOutput(
        landmarks: try landmarks("landmarks"), presence: try number("presence"),
        handedness: outputs["handedness"] == nil ? nil : try number("handedness"),
        worldLandmarks: outputs["world_landmarks"] == nil
          ? nil : try landmarks("world_landmarks"))
    }

    private func values(_ name: String, _ outputs: [String: OutputTensor]) throws -> [Float] {
      guard let output = outputs[name] else {
        throw PalmError.invalidTensor(
          "the model gave no output \(name); convert it with `blazepalm convert --coreml-face app`")
      }
      guard output.values.allSatisfy(\.isFinite) else {
        throw PalmError.invalidTensor(
          "output \(name) is not finite; try other compute units, or a float32 package")
      }
      return output.values
    }

    private func cropBuffer(_ index: Int) throws -> CVPixelBuffer {
      while cropBuffers.count <= index {
        cropBuffers.append(try makePixelBuffer(landmarkModel.info.input))
      }
      return cropBuffers[index]
    }

    private func timed<R>(
      _ stage: WritableKeyPath<FrameTimings, Double>, _ body: () throws -> R
    ) rethrows -> R {
      let start = clock.now
      defer { timings[keyPath: stage] += start.duration(to: clock.now).milliseconds }
      return try body()
    }

    private static func runner(
      _ package: URL, _ units: Units, _ store: ModelStore
    ) async throws -> CoreMLRunner {
      let key = packageKey(package)
      let compiled = try await store.compiled(package, key: key)
      do {
        return try CoreMLRunner(compiled: compiled.url, units: units)
      } catch {
        // a model that an older system compiled may no longer load
        guard compiled.compileMs == nil, package.pathExtension != "mlmodelc" else { throw error }
        let again = try await store.compiled(package, key: key, again: true)
        return try CoreMLRunner(compiled: again.url, units: units)
      }
    }
  }

  /// A key that distinguishes versions of a package: the SHA-256 of its manifest, which identifies
  /// its contents by digest (the converter derives item identifiers from their content).
  func packageKey(_ package: URL) -> String {
    let manifest = package.appendingPathComponent("Manifest.json")
    return SHA256Digest.hex(of: (try? Data(contentsOf: manifest)) ?? Data(package.path.utf8))
  }
#endif
