// What the app shows while tests run in it: nothing that costs time, and the screen stays on, since
// a phone that locks itself ends them.

import SwiftUI
import UIKit

struct TestHostView: View {
  var body: some View {
    MessageView(
      title: "Tests are running", text: "Keep the phone unlocked. The results go to the computer.",
      symbol: "checklist"
    )
    .onAppear { UIApplication.shared.isIdleTimerDisabled = true }
  }
}
