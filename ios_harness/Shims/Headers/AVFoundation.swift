// What the app uses of AVFoundation and Core Media, as Apple's documentation declares it. Nothing
// runs. No class is Sendable here, although some of Apple's are: what compiles needs none to be.

@_exported import Foundation

@_exported import CoreVideo
import UIKit

/// https://developer.apple.com/documentation/coremedia/cmtime
public struct CMTime: Sendable {
  /// https://developer.apple.com/documentation/coremedia/cmtime/seconds
  public var seconds: Double { fatalError() }
}
/// https://developer.apple.com/documentation/coremedia/cmsamplebuffer
public class CMSampleBuffer {
  init() {}
}
/// https://developer.apple.com/documentation/coremedia/cmsamplebuffergetimagebuffer(_:)
public func CMSampleBufferGetImageBuffer(_ sbuf: CMSampleBuffer) -> CVPixelBuffer? { fatalError() }
/// https://developer.apple.com/documentation/coremedia/cmsamplebuffergetpresentationtimestamp(_:)
public func CMSampleBufferGetPresentationTimeStamp(_ sbuf: CMSampleBuffer) -> CMTime {
  fatalError()
}

/// https://developer.apple.com/documentation/avfoundation/avmediatype
public struct AVMediaType: Hashable, Sendable {
  /// https://developer.apple.com/documentation/avfoundation/avmediatype/video
  public static let video = AVMediaType()
}

/// https://developer.apple.com/documentation/avfoundation/avauthorizationstatus
public enum AVAuthorizationStatus: Int, Sendable {
  case notDetermined = 0
  case restricted = 1
  case denied = 2
  case authorized = 3
}

/// https://developer.apple.com/documentation/avfoundation/avcapturedevice
open class AVCaptureDevice: NSObject {
  init(none: Void) {}
  /// https://developer.apple.com/documentation/avfoundation/avcapturedevice/devicetype-swift.struct
  public struct DeviceType: Hashable, Sendable {
    /// https://developer.apple.com/documentation/avfoundation/avcapturedevice/devicetype-swift.struct/builtinwideanglecamera
    public static let builtInWideAngleCamera = DeviceType()
  }
  /// https://developer.apple.com/documentation/avfoundation/avcapturedevice/position-swift.enum
  public enum Position: Int, Sendable {
    case unspecified = 0
    case back = 1
    case front = 2
  }
  /// https://developer.apple.com/documentation/avfoundation/avcapturedevice/default(_:for:position:)
  open class func `default`(
    _ deviceType: DeviceType, for mediaType: AVMediaType?, position: Position
  ) -> AVCaptureDevice? { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturedevice/authorizationstatus(for:)
  open class func authorizationStatus(for mediaType: AVMediaType) -> AVAuthorizationStatus {
    fatalError()
  }
  /// https://developer.apple.com/documentation/avfoundation/avcapturedevice/requestaccess(for:completionhandler:)
  open class func requestAccess(for mediaType: AVMediaType) async -> Bool { fatalError() }
}

/// https://developer.apple.com/documentation/avfoundation/avcaptureinput
open class AVCaptureInput: NSObject {}
/// https://developer.apple.com/documentation/avfoundation/avcapturedeviceinput
open class AVCaptureDeviceInput: AVCaptureInput {
  /// https://developer.apple.com/documentation/avfoundation/avcapturedeviceinput/init(device:)
  public init(device: AVCaptureDevice) throws { fatalError() }
}

/// https://developer.apple.com/documentation/avfoundation/avcapturevideoorientation
public enum AVCaptureVideoOrientation: Int, Sendable {
  case portrait = 1
  case portraitUpsideDown = 2
  case landscapeRight = 3
  case landscapeLeft = 4
}

/// https://developer.apple.com/documentation/avfoundation/avcaptureconnection
open class AVCaptureConnection: NSObject {
  init(none: Void) {}
  /// https://developer.apple.com/documentation/avfoundation/avcaptureconnection/automaticallyadjustsvideomirroring
  open var automaticallyAdjustsVideoMirroring = true
  /// https://developer.apple.com/documentation/avfoundation/avcaptureconnection/isvideomirrored
  open var isVideoMirrored = false
  /// https://developer.apple.com/documentation/avfoundation/avcaptureconnection/isvideorotationanglesupported(_:)
  open func isVideoRotationAngleSupported(_ videoRotationAngle: CGFloat) -> Bool { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcaptureconnection/videorotationangle
  open var videoRotationAngle: CGFloat = 0
  /// https://developer.apple.com/documentation/avfoundation/avcaptureconnection/isvideoorientationsupported
  open var isVideoOrientationSupported: Bool { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcaptureconnection/videoorientation
  open var videoOrientation = AVCaptureVideoOrientation.portrait
}

/// https://developer.apple.com/documentation/avfoundation/avcaptureoutput
open class AVCaptureOutput: NSObject {
  /// https://developer.apple.com/documentation/avfoundation/avcaptureoutput/connection(with:)
  open func connection(with mediaType: AVMediaType) -> AVCaptureConnection? { fatalError() }
}

/// https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutputsamplebufferdelegate
public protocol AVCaptureVideoDataOutputSampleBufferDelegate: NSObjectProtocol {
  /// https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutputsamplebufferdelegate/captureoutput(_:didoutput:from:)
  func captureOutput(
    _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer,
    from connection: AVCaptureConnection)
}

/// https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutput
open class AVCaptureVideoDataOutput: AVCaptureOutput {
  /// https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutput/init()
  public override init() {}
  /// https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutput/videosettings
  open var videoSettings: [String: Any]! = [:]
  /// https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutput/alwaysdiscardslatevideoframes
  open var alwaysDiscardsLateVideoFrames = true
  /// https://developer.apple.com/documentation/avfoundation/avcapturevideodataoutput/setsamplebufferdelegate(_:queue:)
  open func setSampleBufferDelegate(
    _ sampleBufferDelegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?,
    queue sampleBufferCallbackQueue: DispatchQueue?
  ) { fatalError() }
}

/// https://developer.apple.com/documentation/avfoundation/avcapturesessionerrorkey
public let AVCaptureSessionErrorKey = "AVCaptureSessionErrorKey"

/// https://developer.apple.com/documentation/avfoundation/avcapturesession
open class AVCaptureSession: NSObject {
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/init()
  public override init() {}
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/preset
  public struct Preset: Hashable, Sendable {
    /// https://developer.apple.com/documentation/avfoundation/avcapturesession/preset/hd1280x720
    public static let hd1280x720 = Preset()
  }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/wasinterruptednotification
  public class var wasInterruptedNotification: NSNotification.Name { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/interruptionendednotification
  public class var interruptionEndedNotification: NSNotification.Name { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/runtimeerrornotification
  public class var runtimeErrorNotification: NSNotification.Name { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/sessionpreset
  open var sessionPreset = Preset.hd1280x720
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/isrunning
  open var isRunning: Bool { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/inputs
  open var inputs: [AVCaptureInput] { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/outputs
  open var outputs: [AVCaptureOutput] { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/beginconfiguration()
  open func beginConfiguration() { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/commitconfiguration()
  open func commitConfiguration() { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/startrunning()
  open func startRunning() { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/stoprunning()
  open func stopRunning() { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/canaddinput(_:)
  open func canAddInput(_ input: AVCaptureInput) -> Bool { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/addinput(_:)
  open func addInput(_ input: AVCaptureInput) { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/removeinput(_:)
  open func removeInput(_ input: AVCaptureInput) { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/canaddoutput(_:)
  open func canAddOutput(_ output: AVCaptureOutput) -> Bool { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/addoutput(_:)
  open func addOutput(_ output: AVCaptureOutput) { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/removeoutput(_:)
  open func removeOutput(_ output: AVCaptureOutput) { fatalError() }
  /// https://developer.apple.com/documentation/avfoundation/avcapturesession/cansetsessionpreset(_:)
  open func canSetSessionPreset(_ preset: Preset) -> Bool { fatalError() }
}

/// https://developer.apple.com/documentation/avfoundation/avlayervideogravity
public struct AVLayerVideoGravity: Hashable, Sendable {
  /// https://developer.apple.com/documentation/avfoundation/avlayervideogravity/resizeaspectfill
  public static let resizeAspectFill = AVLayerVideoGravity()
}

/// https://developer.apple.com/documentation/avfoundation/avcapturevideopreviewlayer
open class AVCaptureVideoPreviewLayer: CALayer {
  /// https://developer.apple.com/documentation/avfoundation/avcapturevideopreviewlayer/videogravity
  open var videoGravity = AVLayerVideoGravity.resizeAspectFill
  /// https://developer.apple.com/documentation/avfoundation/avcapturevideopreviewlayer/session
  open var session: AVCaptureSession?
}
