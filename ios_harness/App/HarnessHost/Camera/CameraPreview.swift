// The camera's picture: fills its view, cut off on both sides alike, mirrored like a mirror.

import AVFoundation
import SwiftUI
import UIKit

struct CameraPreview: UIViewRepresentable {
  let session: AVCaptureSession

  func makeUIView(context: Context) -> PreviewView {
    let view = PreviewView()
    view.show(session)
    return view
  }

  func updateUIView(_ view: PreviewView, context: Context) {}

  final class PreviewView: UIView {
    override class var layerClass: AnyClass { AVCaptureVideoPreviewLayer.self }

    /// Shows the pictures of a session. A front camera's are mirrored by the layer itself.
    func show(_ session: AVCaptureSession) {
      guard let layer = layer as? AVCaptureVideoPreviewLayer else { return }
      layer.videoGravity = .resizeAspectFill
      layer.session = session
    }
  }
}
