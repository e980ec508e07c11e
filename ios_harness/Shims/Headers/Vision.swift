// What the README's example uses of Vision, as Apple's documentation declares it. Nothing runs.

@_exported import Foundation

@_exported import CoreML
@_exported import ImageIO

/// https://developer.apple.com/documentation/vision/vnconfidence
public typealias VNConfidence = Float

/// https://developer.apple.com/documentation/vision/vnimagecropandscaleoption
public enum VNImageCropAndScaleOption: UInt, Sendable {
  case centerCrop = 0
  case scaleFit = 1
  case scaleFill = 2
  case scaleFitRotate90CCW = 257
  case scaleFillRotate90CCW = 258
}

/// https://developer.apple.com/documentation/vision/vnimageoption
public struct VNImageOption: Hashable, RawRepresentable, Sendable {
  /// https://developer.apple.com/documentation/vision/vnimageoption
  public let rawValue: String
  /// https://developer.apple.com/documentation/vision/vnimageoption/init(rawvalue:)
  public init(rawValue: String) { self.rawValue = rawValue }
}

/// https://developer.apple.com/documentation/vision/vnobservation
open class VNObservation: NSObject {
  /// https://developer.apple.com/documentation/vision/vnobservation/confidence
  open var confidence: VNConfidence { fatalError() }
}

/// https://developer.apple.com/documentation/vision/vndetectedobjectobservation
open class VNDetectedObjectObservation: VNObservation {
  /// https://developer.apple.com/documentation/vision/vndetectedobjectobservation/boundingbox
  open var boundingBox: CGRect { fatalError() }
}

/// https://developer.apple.com/documentation/vision/vnrecognizedobjectobservation
open class VNRecognizedObjectObservation: VNDetectedObjectObservation {}

/// https://developer.apple.com/documentation/vision/vncoremlmodel
open class VNCoreMLModel: NSObject {
  /// https://developer.apple.com/documentation/vision/vncoremlmodel/init(for:)
  public init(for model: MLModel) throws { fatalError() }
  /// https://developer.apple.com/documentation/vision/vncoremlmodel/featureprovider
  open var featureProvider: (any MLFeatureProvider)?
}

/// https://developer.apple.com/documentation/vision/vnrequest
open class VNRequest: NSObject {
  /// https://developer.apple.com/documentation/vision/vnrequest/results
  open var results: [VNObservation]? { fatalError() }
}

/// https://developer.apple.com/documentation/vision/vnimagebasedrequest
open class VNImageBasedRequest: VNRequest {}

/// https://developer.apple.com/documentation/vision/vncoremlrequest
open class VNCoreMLRequest: VNImageBasedRequest {
  /// https://developer.apple.com/documentation/vision/vncoremlrequest/init(model:)
  public init(model: VNCoreMLModel) { fatalError() }
  /// https://developer.apple.com/documentation/vision/vncoremlrequest/imagecropandscaleoption
  open var imageCropAndScaleOption: VNImageCropAndScaleOption = .centerCrop
}

/// https://developer.apple.com/documentation/vision/vnimagerequesthandler
open class VNImageRequestHandler: NSObject {
  /// https://developer.apple.com/documentation/vision/vnimagerequesthandler/init(cvpixelbuffer:orientation:options:)
  public init(
    cvPixelBuffer pixelBuffer: CVPixelBuffer, orientation: CGImagePropertyOrientation,
    options: [VNImageOption: Any] = [:]
  ) { fatalError() }
  /// https://developer.apple.com/documentation/vision/vnimagerequesthandler/perform(_:)
  open func perform(_ requests: [VNRequest]) throws { fatalError() }
}
