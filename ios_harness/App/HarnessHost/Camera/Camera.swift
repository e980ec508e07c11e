// The front camera: 720p, upright, 32BGRA. The session and the frames have separate queues; while a
// frame is processed, late ones are dropped, so that the latest wins.
//
// The preview is mirrored; the frames are not, so that left and right are the person's own.

import AVFoundation
import PalmScreens

final class Camera: NSObject, @unchecked Sendable {
  /// For the preview.
  let session = AVCaptureSession()
  /// The queue that delivers all frames.
  let frameQueue = DispatchQueue(
    label: "blazepalm.camera.frames", qos: .userInitiated, autoreleaseFrequency: .workItem)
  /// Receives a frame and its capture time in seconds, on `frameQueue`.
  var onFrame: @Sendable (CVPixelBuffer, Double) -> Void = { _, _ in }
  /// Receives a problem while the camera runs, or nil when it is over; on any thread.
  var onProblem: @Sendable (CameraProblem?) -> Void = { _ in }

  private let sessionQueue = DispatchQueue(label: "blazepalm.camera.session")
  private let output = AVCaptureVideoDataOutput()
  private var isConfigured = false

  private var observers: [any NSObjectProtocol] = []

  override init() {
    super.init()
    watch()
  }

  deinit {
    observers.forEach(NotificationCenter.default.removeObserver)
  }

  /// Asks for permission if necessary, and starts.
  ///
  /// Throws ``PalmScreens/CameraProblem``.
  func start() async throws {
    guard frontCamera() != nil else { throw CameraProblem.missing }
    try await authorise()
    try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<Void, any Error>) in
      sessionQueue.async {
        continuation.resume(with: Result { try self.begin() })
      }
    }
  }

  /// Stops; frames in progress may still arrive.
  func stop() {
    sessionQueue.async {
      if self.session.isRunning { self.session.stopRunning() }
    }
  }

  private func frontCamera() -> AVCaptureDevice? {
    AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: .front)
  }

  private func authorise() async throws {
    switch AVCaptureDevice.authorizationStatus(for: .video) {
    case .authorized: return
    case .notDetermined:
      guard await AVCaptureDevice.requestAccess(for: .video) else { throw CameraProblem.denied }
    case .denied: throw CameraProblem.denied
    case .restricted: throw CameraProblem.restricted
    @unknown default: throw CameraProblem.unusable("its permission is unknown")
    }
  }

  private func begin() throws {
    if !isConfigured {
      session.beginConfiguration()
      defer { session.commitConfiguration() }
      do {
        try configure()
        isConfigured = true
      } catch {
        session.inputs.forEach(session.removeInput)
        session.outputs.forEach(session.removeOutput)
        throw error
      }
    }
    if !session.isRunning { session.startRunning() }
    guard session.isRunning else { throw CameraProblem.unusable("it does not start") }
  }

  private func configure() throws {
    guard let device = frontCamera() else { throw CameraProblem.missing }
    let input: AVCaptureDeviceInput
    do {
      input = try AVCaptureDeviceInput(device: device)
    } catch {
      throw CameraProblem.unusable(error.localizedDescription)
    }
    guard session.canAddInput(input) else { throw CameraProblem.unusable("it accepts no input") }
    session.addInput(input)
    guard session.canSetSessionPreset(.hd1280x720) else {
      throw CameraProblem.unusable("it does not support 720p")
    }
    session.sessionPreset = .hd1280x720
    output.videoSettings = [
      kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_32BGRA
    ]
    output.alwaysDiscardsLateVideoFrames = true
    output.setSampleBufferDelegate(self, queue: frameQueue)
    guard session.canAddOutput(output) else { throw CameraProblem.unusable("it sends no frames") }
    session.addOutput(output)
    guard let connection = output.connection(with: .video) else {
      throw CameraProblem.unusable("it provides no video")
    }
    try turnUpright(connection)
    connection.automaticallyAdjustsVideoMirroring = false
    connection.isVideoMirrored = false
  }

  /// Rotates the frames, which a camera delivers on their side, by 90° to portrait.
  private func turnUpright(_ connection: AVCaptureConnection) throws {
    if #available(iOS 17.0, *) {
      guard connection.isVideoRotationAngleSupported(90) else {
        throw CameraProblem.unusable("its frames cannot be rotated upright")
      }
      connection.videoRotationAngle = 90
    } else {
      guard connection.isVideoOrientationSupported else {
        throw CameraProblem.unusable("its frames cannot be rotated upright")
      }
      connection.videoOrientation = .portrait
    }
  }

  private func watch() {
    observe(AVCaptureSession.wasInterruptedNotification) { _ in CameraProblem.interrupted }
    observe(AVCaptureSession.interruptionEndedNotification) { _ in nil }
    observe(AVCaptureSession.runtimeErrorNotification) { notification in
      let error = notification.userInfo?[AVCaptureSessionErrorKey] as? any Error
      return CameraProblem.unusable(error?.localizedDescription ?? "it stopped")
    }
  }

  private func observe(
    _ name: Notification.Name, _ problem: @escaping @Sendable (Notification) -> CameraProblem?
  ) {
    observers.append(
      NotificationCenter.default.addObserver(forName: name, object: session, queue: nil) {
        [weak self] notification in
        self?.onProblem(problem(notification))
      })
  }
}

extension Camera: AVCaptureVideoDataOutputSampleBufferDelegate {
  func captureOutput(
    _: AVCaptureOutput, didOutput sample: CMSampleBuffer, from _: AVCaptureConnection
  ) {
    guard let frame = CMSampleBufferGetImageBuffer(sample) else {
      onProblem(.unusable("a frame has no picture"))
      return
    }
    onFrame(frame, CMSampleBufferGetPresentationTimeStamp(sample).seconds)
  }
}
