// The app's screen while it hosts tests: it costs no time, and keeps the phone awake, because tests
// end when the phone locks.

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
