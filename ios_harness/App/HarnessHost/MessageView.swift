// A screen with one message: what is wrong or in progress, and what to do.

import SwiftUI

struct MessageView: View {
  /// A few words.
  let title: String
  /// What happened and what to do.
  let text: String
  /// The name of a symbol.
  let symbol: String
  /// The button's action, if there is a button.
  var actionTitle: String?
  var action: () -> Void = {}

  var body: some View {
    ScrollView {
      VStack(spacing: 16) {
        Image(systemName: symbol)
          .font(.largeTitle)
          .foregroundStyle(.secondary)
          .accessibilityHidden(true)
        Text(title)
          .font(.title2.bold())
          .accessibilityAddTraits(.isHeader)
        Text(text)
          .font(.body)
          .multilineTextAlignment(.center)
          .textSelection(.enabled)
        if let actionTitle {
          Button(actionTitle, action: action)
            .buttonStyle(.borderedProminent)
        }
      }
      .padding()
      .frame(maxWidth: .infinity)
    }
  }
}
