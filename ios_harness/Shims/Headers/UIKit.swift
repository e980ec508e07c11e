// What the app uses of UIKit and Core Animation, as Apple's documentation declares it. Nothing runs.

@_exported import Foundation

/// https://developer.apple.com/documentation/quartzcore/calayer
open class CALayer: NSObject {
  /// https://developer.apple.com/documentation/quartzcore/calayer/init()
  public override init() {}
}

/// https://developer.apple.com/documentation/uikit/uiview
@MainActor open class UIView: NSObject {
  /// https://developer.apple.com/documentation/objectivec/nsobject-swift.class/init()
  public override init() {}
  /// https://developer.apple.com/documentation/uikit/uiview/layerclass
  open class var layerClass: AnyClass { fatalError() }
  /// https://developer.apple.com/documentation/uikit/uiview/layer
  open var layer: CALayer { fatalError() }
}

/// https://developer.apple.com/documentation/uikit/uiapplication
@MainActor open class UIApplication: NSObject {
  init(none: Void) {}
  /// https://developer.apple.com/documentation/uikit/uiapplication/shared
  open class var shared: UIApplication { fatalError() }
  /// https://developer.apple.com/documentation/uikit/uiapplication/opensettingsurlstring
  public nonisolated class var openSettingsURLString: String { fatalError() }
  /// https://developer.apple.com/documentation/uikit/uiapplication/isidletimerdisabled
  open var isIdleTimerDisabled: Bool = false
  /// https://developer.apple.com/documentation/uikit/uiapplication/open(_:options:completionhandler:)
  open func open(
    _ url: URL, options: [OpenExternalURLOptionsKey: Any] = [:],
    completionHandler completion: (@MainActor @Sendable (Bool) -> Void)? = nil
  ) { fatalError() }
  /// https://developer.apple.com/documentation/uikit/uiapplication/openexternalurloptionskey
  public struct OpenExternalURLOptionsKey: Hashable, Sendable {}
}
