// The camera's picture: fills its view, cropped equally on both sides, mirrored.

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

    /// Shows a session's pictures. The layer itself mirrors those of a front camera.
    func show(_ session: AVCaptureSession) {
      guard let layer = layer as? AVCaptureVideoPreviewLayer else { return }
      layer.videoGravity = .resizeAspectFill
      layer.session = session
    }
  }
}
