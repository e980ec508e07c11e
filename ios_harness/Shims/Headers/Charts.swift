// What the app uses of Swift Charts, as Apple's documentation declares it. Nothing runs.

import SwiftUI

/// https://developer.apple.com/documentation/charts/plottable
public protocol Plottable {}
extension Double: Plottable {}
extension String: Plottable {}

/// https://developer.apple.com/documentation/charts/plottablevalue
public struct PlottableValue<Value: Plottable> {
  /// https://developer.apple.com/documentation/charts/plottablevalue/value(_:_:)
  public static func value(_ labelKey: LocalizedStringKey, _ value: Value) -> PlottableValue {
    fatalError()
  }
}

/// https://developer.apple.com/documentation/charts/chartcontent
@MainActor @preconcurrency public protocol ChartContent {}

/// https://developer.apple.com/documentation/charts/chartcontentbuilder
@resultBuilder
public enum ChartContentBuilder {
  /// https://developer.apple.com/documentation/charts/chartcontentbuilder
  public static func buildBlock<A: ChartContent, B: ChartContent>(_ a: A, _ b: B)
    -> some ChartContent
  { EmptyChartContent() }
}
struct EmptyChartContent: ChartContent {}

/// https://developer.apple.com/documentation/charts/annotationposition
public struct AnnotationPosition: Sendable {
  /// https://developer.apple.com/documentation/charts/annotationposition/trailing
  public static let trailing = AnnotationPosition()
  /// https://developer.apple.com/documentation/charts/annotationposition/bottom
  public static let bottom = AnnotationPosition()
}

extension ChartContent {
  /// https://developer.apple.com/documentation/charts/chartcontent/foregroundstyle(by:)
  public func foregroundStyle<D: Plottable>(by value: PlottableValue<D>) -> some ChartContent {
    self
  }
  /// https://developer.apple.com/documentation/charts/chartcontent/foregroundstyle(_:)
  public func foregroundStyle<S: ShapeStyle>(_ style: S) -> some ChartContent { self }
  /// https://developer.apple.com/documentation/charts/chartcontent/position(by:axis:span:)
  public func position<P: Plottable>(by value: PlottableValue<P>) -> some ChartContent { self }
  /// https://developer.apple.com/documentation/charts/chartcontent/annotation(position:alignment:spacing:content:)
  public func annotation<C: View>(
    position: AnnotationPosition, @ViewBuilder content: () -> C
  ) -> some ChartContent { self }
  /// https://developer.apple.com/documentation/charts/chartcontent/accessibilitylabel(_:)
  public func accessibilityLabel(_ label: String) -> some ChartContent { self }
  /// https://developer.apple.com/documentation/charts/chartcontent/accessibilityvalue(_:)
  public func accessibilityValue(_ value: String) -> some ChartContent { self }
  /// https://developer.apple.com/documentation/charts/chartcontent/accessibilityhidden(_:)
  public func accessibilityHidden(_ hidden: Bool) -> some ChartContent { self }
}

/// https://developer.apple.com/documentation/charts/barmark
public struct BarMark: ChartContent {
  /// https://developer.apple.com/documentation/charts/barmark/init(x:y:width:height:stacking:)
  public nonisolated init<X: Plottable, Y: Plottable>(x: PlottableValue<X>, y: PlottableValue<Y>) {}
}
/// https://developer.apple.com/documentation/charts/pointmark
public struct PointMark: ChartContent {
  /// https://developer.apple.com/documentation/charts/pointmark/init(x:y:)
  public nonisolated init<X: Plottable, Y: Plottable>(x: PlottableValue<X>, y: PlottableValue<Y>) {}
}

/// https://developer.apple.com/documentation/charts/chart
public struct Chart<Content: ChartContent>: View {
  /// https://developer.apple.com/documentation/charts/chart/init(_:content:)
  public nonisolated init<Data: RandomAccessCollection>(
    _ data: Data, @ChartContentBuilder content: @escaping (Data.Element) -> Content
  ) where Data.Element: Identifiable { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

extension View {
  /// https://developer.apple.com/documentation/swiftui/view/chartxaxislabel(_:position:alignment:spacing:)
  public nonisolated func chartXAxisLabel(_ labelKey: LocalizedStringKey) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/chartlegend(position:alignment:spacing:)
  public nonisolated func chartLegend(position: AnnotationPosition) -> some View { self }
}
