// What the app uses of SwiftUI, as Apple's documentation declares it, with its isolation: views and
// their bodies belong to the main actor, and their modifiers do not. Nothing runs.

@_exported import Foundation

@_exported import Combine
@_exported import CoreGraphics
import UIKit

/// https://developer.apple.com/documentation/swiftui/viewbuilder
@resultBuilder
public enum ViewBuilder {
  /// https://developer.apple.com/documentation/swiftui/viewbuilder/buildblock()
  public static func buildBlock() -> EmptyView { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/viewbuilder/buildblock(_:)
  public static func buildBlock<each Content: View>(_ content: repeat each Content) -> TupleView {
    fatalError()
  }
  /// https://developer.apple.com/documentation/swiftui/viewbuilder/buildblock(_:)
  public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
  /// https://developer.apple.com/documentation/swiftui/viewbuilder/buildexpression(_:)
  public static func buildExpression<Content: View>(_ content: Content) -> Content { content }
  /// https://developer.apple.com/documentation/swiftui/viewbuilder/buildif(_:)
  public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
  /// https://developer.apple.com/documentation/swiftui/viewbuilder/buildeither(first:)
  public static func buildEither<A: View, B: View>(first: A) -> ConditionalContent<A, B> {
    fatalError()
  }
  /// https://developer.apple.com/documentation/swiftui/viewbuilder/buildeither(second:)
  public static func buildEither<A: View, B: View>(second: B) -> ConditionalContent<A, B> {
    fatalError()
  }
}

/// https://developer.apple.com/documentation/swiftui/view
@MainActor @preconcurrency public protocol View {
  /// https://developer.apple.com/documentation/swiftui/view/body-swift.associatedtype
  associatedtype Body: View
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  @ViewBuilder var body: Body { get }
}

extension Never: View {
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}
extension Optional: View where Wrapped: View {
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/emptyview
public struct EmptyView: View {
  /// https://developer.apple.com/documentation/swiftui/emptyview/init()
  public nonisolated init() { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/tupleview
public struct TupleView: View {
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/viewbuilder/buildeither(first:)
public struct ConditionalContent<A: View, B: View>: View {
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/localizedstringkey
public struct LocalizedStringKey: ExpressibleByStringInterpolation, Sendable {
  /// https://developer.apple.com/documentation/swiftui/localizedstringkey/init(stringliteral:)
  public init(stringLiteral value: String) {}
}

/// https://developer.apple.com/documentation/swiftui/shapestyle
public protocol ShapeStyle: Sendable {}

/// https://developer.apple.com/documentation/swiftui/color
public struct Color: ShapeStyle, View {
  /// https://developer.apple.com/documentation/swiftui/color/init(_:red:green:blue:opacity:)
  public nonisolated init(red: Double, green: Double, blue: Double, opacity: Double = 1) {
    fatalError()
  }
  /// https://developer.apple.com/documentation/swiftui/color/red
  public static nonisolated let red = Color(red: 0, green: 0, blue: 0)
  /// https://developer.apple.com/documentation/swiftui/color/green
  public static nonisolated let green = Color(red: 0, green: 0, blue: 0)
  /// https://developer.apple.com/documentation/swiftui/color/orange
  public static nonisolated let orange = Color(red: 0, green: 0, blue: 0)
  /// https://developer.apple.com/documentation/swiftui/color/white
  public static nonisolated let white = Color(red: 0, green: 0, blue: 0)
  /// https://developer.apple.com/documentation/swiftui/color/black
  public static nonisolated let black = Color(red: 0, green: 0, blue: 0)
  /// https://developer.apple.com/documentation/swiftui/color/opacity(_:)
  public nonisolated func opacity(_ opacity: Double) -> Color { self }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/hierarchicalshapestyle
public struct HierarchicalShapeStyle: ShapeStyle {}

/// https://developer.apple.com/documentation/swiftui/material
public struct Material: ShapeStyle {}

extension ShapeStyle where Self == HierarchicalShapeStyle {
  /// https://developer.apple.com/documentation/swiftui/shapestyle/secondary
  public static var secondary: HierarchicalShapeStyle { HierarchicalShapeStyle() }
}

extension ShapeStyle where Self == Material {
  /// https://developer.apple.com/documentation/swiftui/shapestyle/regularmaterial
  public static var regularMaterial: Material { Material() }
}

extension ShapeStyle where Self == Color {
  /// https://developer.apple.com/documentation/swiftui/shapestyle/red
  public static var red: Color { Color.red }
  /// https://developer.apple.com/documentation/swiftui/shapestyle/white
  public static var white: Color { Color.white }
}

/// https://developer.apple.com/documentation/swiftui/font
public struct Font: Hashable, Sendable {
  /// https://developer.apple.com/documentation/swiftui/font/largetitle
  public static let largeTitle = Font()
  /// https://developer.apple.com/documentation/swiftui/font/title2
  public static let title2 = Font()
  /// https://developer.apple.com/documentation/swiftui/font/headline
  public static let headline = Font()
  /// https://developer.apple.com/documentation/swiftui/font/body
  public static let body = Font()
  /// https://developer.apple.com/documentation/swiftui/font/callout
  public static let callout = Font()
  /// https://developer.apple.com/documentation/swiftui/font/footnote
  public static let footnote = Font()
  /// https://developer.apple.com/documentation/swiftui/font/caption2
  public static let caption2 = Font()
  /// https://developer.apple.com/documentation/swiftui/font/bold()
  public func bold() -> Font { self }
}

/// https://developer.apple.com/documentation/swiftui/text
public struct Text: View {
  /// https://developer.apple.com/documentation/swiftui/text/init(_:tablename:bundle:comment:)
  public nonisolated init(_ key: LocalizedStringKey) {}
  /// https://developer.apple.com/documentation/swiftui/text/init(_:)
  @_disfavoredOverload public nonisolated init<S: StringProtocol>(_ content: S) {}
  /// https://developer.apple.com/documentation/swiftui/text/font(_:)
  public nonisolated func font(_ font: Font?) -> Text { self }
  /// https://developer.apple.com/documentation/swiftui/text/foregroundcolor(_:)
  public nonisolated func foregroundColor(_ color: Color?) -> Text { self }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/image
public struct Image: View {
  /// https://developer.apple.com/documentation/swiftui/image/init(systemname:)
  public nonisolated init(systemName: String) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/spacer
public struct Spacer: View {
  /// https://developer.apple.com/documentation/swiftui/spacer/init(minlength:)
  public nonisolated init() { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/alignment
public struct Alignment: Sendable {
  /// https://developer.apple.com/documentation/swiftui/alignment/bottom
  public static let bottom = Alignment()
  /// https://developer.apple.com/documentation/swiftui/alignment/center
  public static let center = Alignment()
}

/// https://developer.apple.com/documentation/swiftui/horizontalalignment
public struct HorizontalAlignment: Sendable {
  /// https://developer.apple.com/documentation/swiftui/horizontalalignment/leading
  public static let leading = HorizontalAlignment()
  /// https://developer.apple.com/documentation/swiftui/horizontalalignment/center
  public static let center = HorizontalAlignment()
}

/// https://developer.apple.com/documentation/swiftui/vstack
public struct VStack<Content: View>: View {
  /// https://developer.apple.com/documentation/swiftui/vstack/init(alignment:spacing:content:)
  public nonisolated init(
    alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil,
    @ViewBuilder content: () -> Content
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/hstack
public struct HStack<Content: View>: View {
  /// https://developer.apple.com/documentation/swiftui/hstack/init(alignment:spacing:content:)
  public nonisolated init(
    @ViewBuilder content: () -> Content
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/zstack
public struct ZStack<Content: View>: View {
  /// https://developer.apple.com/documentation/swiftui/zstack/init(alignment:content:)
  public nonisolated init(
    alignment: Alignment = .center, @ViewBuilder content: () -> Content
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/scrollview
public struct ScrollView<Content: View>: View {
  /// https://developer.apple.com/documentation/swiftui/scrollview/init(_:showsindicators:content:)
  public nonisolated init(
    @ViewBuilder content: () -> Content
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/list
public struct List<Content: View>: View {
  /// https://developer.apple.com/documentation/swiftui/list/init(content:)
  public nonisolated init(
    @ViewBuilder content: () -> Content
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/form
public struct Form<Content: View>: View {
  /// https://developer.apple.com/documentation/swiftui/form/init(content:)
  public nonisolated init(
    @ViewBuilder content: () -> Content
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/navigationstack
public struct NavigationStack<Content: View>: View {
  /// https://developer.apple.com/documentation/swiftui/navigationstack/init(root:)
  public nonisolated init(
    @ViewBuilder root: () -> Content
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/tabview
public struct TabView<Content: View>: View {
  /// https://developer.apple.com/documentation/swiftui/tabview/init(content:)
  public nonisolated init(
    @ViewBuilder content: () -> Content
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/section
public struct Section<Content: View>: View {
  /// https://developer.apple.com/documentation/swiftui/section/init(content:)
  public nonisolated init(@ViewBuilder content: () -> Content) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/section/init(_:content:)
  public nonisolated init(_ titleKey: LocalizedStringKey, @ViewBuilder content: () -> Content) {
    fatalError()
  }
  /// https://developer.apple.com/documentation/swiftui/section/init(content:footer:)
  public nonisolated init<Footer: View>(
    @ViewBuilder content: () -> Content, @ViewBuilder footer: () -> Footer
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/foreach
public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: View {
  /// https://developer.apple.com/documentation/swiftui/foreach/init(_:id:content:)
  public nonisolated init(
    _ data: Data, id: KeyPath<Data.Element, ID>,
    @ViewBuilder content: @escaping (Data.Element) -> Content
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/foreach/init(_:content:)
  public nonisolated init(
    _ data: Data, @ViewBuilder content: @escaping (Data.Element) -> Content
  ) where Data.Element: Identifiable, ID == Data.Element.ID { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/buttonrole
public struct ButtonRole: Equatable, Sendable {
  /// https://developer.apple.com/documentation/swiftui/buttonrole/destructive
  public static let destructive = ButtonRole()
}

/// https://developer.apple.com/documentation/swiftui/button
public struct Button: View {
  /// https://developer.apple.com/documentation/swiftui/button/init(_:action:)
  public nonisolated init(_ titleKey: LocalizedStringKey, action: @escaping @MainActor () -> Void) {
    fatalError()
  }
  /// https://developer.apple.com/documentation/swiftui/button/init(_:action:)
  @_disfavoredOverload public nonisolated init<S: StringProtocol>(
    _ title: S, action: @escaping @MainActor () -> Void
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/button/init(_:role:action:)
  public nonisolated init(
    _ titleKey: LocalizedStringKey, role: ButtonRole?, action: @escaping @MainActor () -> Void
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/label
public struct Label: View {
  /// https://developer.apple.com/documentation/swiftui/label/init(_:systemimage:)
  public nonisolated init(_ titleKey: LocalizedStringKey, systemImage name: String) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/label/init(_:systemimage:)
  @_disfavoredOverload public nonisolated init<S: StringProtocol>(
    _ title: S, systemImage name: String
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/progressview
public struct ProgressView: View {
  /// https://developer.apple.com/documentation/swiftui/progressview/init(_:)
  public nonisolated init(_ titleKey: LocalizedStringKey) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/progressview/init(value:total:label:currentvaluelabel:)
  public nonisolated init<V: BinaryFloatingPoint, L: View, C: View>(
    value: V?, total: V = 1.0, @ViewBuilder label: () -> L,
    @ViewBuilder currentValueLabel: () -> C
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/binding
@propertyWrapper @dynamicMemberLookup
public struct Binding<Value> {
  init(none: Void) {}
  /// https://developer.apple.com/documentation/swiftui/binding/wrappedvalue
  public var wrappedValue: Value {
    get { fatalError() }
    nonmutating set { fatalError() }
  }
  /// https://developer.apple.com/documentation/swiftui/binding/projectedvalue
  public var projectedValue: Binding<Value> { self }
  /// https://developer.apple.com/documentation/swiftui/binding/subscript(dynamicmember:)
  public subscript<Subject>(dynamicMember keyPath: WritableKeyPath<Value, Subject>) -> Binding<
    Subject
  > { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/picker
public struct Picker: View {
  /// https://developer.apple.com/documentation/swiftui/picker/init(_:selection:content:)
  public nonisolated init<V: Hashable, C: View>(
    _ titleKey: LocalizedStringKey, selection: Binding<V>, @ViewBuilder content: () -> C
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/stepper
public struct Stepper: View {
  /// https://developer.apple.com/documentation/swiftui/stepper/init(value:in:step:label:oneditingchanged:)
  public nonisolated init<V: Strideable, L: View>(
    value: Binding<V>, in bounds: ClosedRange<V>, @ViewBuilder label: () -> L
  ) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/toggle
public struct Toggle: View {
  /// https://developer.apple.com/documentation/swiftui/toggle/init(_:ison:)
  public nonisolated init(_ titleKey: LocalizedStringKey, isOn: Binding<Bool>) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/labeledcontent
public struct LabeledContent: View {
  /// https://developer.apple.com/documentation/swiftui/labeledcontent/init(_:value:)
  public nonisolated init<S: StringProtocol>(_ titleKey: LocalizedStringKey, value: S) {
    fatalError()
  }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/sharelink
public struct ShareLink: View {
  /// https://developer.apple.com/documentation/swiftui/sharelink/init(item:subject:message:label:)
  public nonisolated init<L: View>(item: URL, @ViewBuilder label: () -> L) { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/state
@propertyWrapper
public struct State<Value> {
  /// https://developer.apple.com/documentation/swiftui/state/init(wrappedvalue:)
  public init(wrappedValue value: Value) {}
  /// https://developer.apple.com/documentation/swiftui/state/wrappedvalue
  public var wrappedValue: Value {
    get { fatalError() }
    nonmutating set { fatalError() }
  }
}

/// https://developer.apple.com/documentation/swiftui/observedobject/wrapper
@dynamicMemberLookup @MainActor @preconcurrency
public struct ObservedObjectWrapper<ObjectType: ObservableObject> {
  /// https://developer.apple.com/documentation/swiftui/observedobject/wrapper/subscript(dynamicmember:)
  public subscript<Subject>(
    dynamicMember keyPath: ReferenceWritableKeyPath<ObjectType, Subject>
  ) -> Binding<Subject> { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/stateobject
@MainActor @preconcurrency @propertyWrapper
public struct StateObject<ObjectType: ObservableObject> {
  /// https://developer.apple.com/documentation/swiftui/stateobject/init(wrappedvalue:)
  public nonisolated init(wrappedValue thunk: @autoclosure @escaping () -> ObjectType) {}
  /// https://developer.apple.com/documentation/swiftui/stateobject/wrappedvalue
  public var wrappedValue: ObjectType { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/environmentobject
@MainActor @preconcurrency @propertyWrapper
public struct EnvironmentObject<ObjectType: ObservableObject> {
  /// https://developer.apple.com/documentation/swiftui/environmentobject/init()
  public nonisolated init() {}
  /// https://developer.apple.com/documentation/swiftui/environmentobject/wrappedvalue
  public var wrappedValue: ObjectType { fatalError() }
  /// https://developer.apple.com/documentation/swiftui/environmentobject/projectedvalue
  public var projectedValue: ObservedObjectWrapper<ObjectType> { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/path
public struct Path: Equatable, Sendable {
  /// https://developer.apple.com/documentation/swiftui/path/init()
  public init() {}
  /// https://developer.apple.com/documentation/swiftui/path/init(ellipsein:)
  public init(ellipseIn rect: CGRect) {}
  /// https://developer.apple.com/documentation/swiftui/path/move(to:)
  public mutating func move(to end: CGPoint) {}
  /// https://developer.apple.com/documentation/swiftui/path/addline(to:)
  public mutating func addLine(to end: CGPoint) {}
  /// https://developer.apple.com/documentation/swiftui/path/addlines(_:)
  public mutating func addLines(_ lines: [CGPoint]) {}
  /// https://developer.apple.com/documentation/swiftui/path/closesubpath()
  public mutating func closeSubpath() {}
}

/// https://developer.apple.com/documentation/swiftui/strokestyle
public struct StrokeStyle: Equatable, Sendable {
  /// https://developer.apple.com/documentation/swiftui/strokestyle/init(linewidth:linecap:linejoin:miterlimit:dash:dashphase:)
  public init(lineWidth: CGFloat = 1, dash: [CGFloat] = []) {}
}

/// https://developer.apple.com/documentation/swiftui/graphicscontext
public struct GraphicsContext {
  /// https://developer.apple.com/documentation/swiftui/graphicscontext/shading
  public struct Shading: Sendable {
    /// https://developer.apple.com/documentation/swiftui/graphicscontext/shading/color(_:)
    public static func color(_ color: Color) -> Shading { Shading() }
    /// https://developer.apple.com/documentation/swiftui/graphicscontext/shading/color(_:red:green:blue:opacity:)
    public static func color(red: Double, green: Double, blue: Double) -> Shading { Shading() }
  }
  /// https://developer.apple.com/documentation/swiftui/graphicscontext/stroke(_:with:linewidth:)
  public func stroke(_ path: Path, with shading: Shading, lineWidth: CGFloat = 1) {}
  /// https://developer.apple.com/documentation/swiftui/graphicscontext/stroke(_:with:style:)
  public func stroke(_ path: Path, with shading: Shading, style: StrokeStyle) {}
  /// https://developer.apple.com/documentation/swiftui/graphicscontext/fill(_:with:style:)
  public func fill(_ path: Path, with shading: Shading) {}
  /// https://developer.apple.com/documentation/swiftui/graphicscontext/draw(_:at:anchor:)
  public func draw(_ text: Text, at point: CGPoint) {}
}

/// https://developer.apple.com/documentation/swiftui/canvas
public struct Canvas: View {
  /// https://developer.apple.com/documentation/swiftui/canvas/init(opaque:colormode:rendersasynchronously:renderer:)
  public nonisolated init(renderer: @escaping (inout GraphicsContext, CGSize) -> Void) {
    fatalError()
  }
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/insettableshape
public protocol InsettableShape: Sendable {}

/// https://developer.apple.com/documentation/swiftui/roundedrectangle
public struct RoundedRectangle: InsettableShape {
  /// https://developer.apple.com/documentation/swiftui/roundedrectangle/init(cornerradius:style:)
  public init(cornerRadius: CGFloat) {}
}

/// https://developer.apple.com/documentation/swiftui/textalignment
public enum TextAlignment: Hashable, Sendable {
  case leading
  case center
  case trailing
}

/// https://developer.apple.com/documentation/swiftui/accessibilitytraits
public struct AccessibilityTraits: Sendable {
  /// https://developer.apple.com/documentation/swiftui/accessibilitytraits/isheader
  public static let isHeader = AccessibilityTraits()
  /// https://developer.apple.com/documentation/swiftui/accessibilitytraits/updatesfrequently
  public static let updatesFrequently = AccessibilityTraits()
}

/// https://developer.apple.com/documentation/swiftui/accessibilitychildbehavior
public struct AccessibilityChildBehavior: Hashable, Sendable {
  /// https://developer.apple.com/documentation/swiftui/accessibilitychildbehavior/ignore
  public static let ignore = AccessibilityChildBehavior()
  /// https://developer.apple.com/documentation/swiftui/accessibilitychildbehavior/combine
  public static let combine = AccessibilityChildBehavior()
  /// https://developer.apple.com/documentation/swiftui/accessibilitychildbehavior/contain
  public static let contain = AccessibilityChildBehavior()
}

/// https://developer.apple.com/documentation/swiftui/enabledtextselectability
public struct EnabledTextSelectability: Sendable {}

/// https://developer.apple.com/documentation/swiftui/borderedprominentbuttonstyle
public struct BorderedProminentButtonStyle: Sendable {}

extension View {
  /// https://developer.apple.com/documentation/swiftui/view/font(_:)
  public nonisolated func font(_ font: Font?) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/foregroundstyle(_:)
  public nonisolated func foregroundStyle<S: ShapeStyle>(_ style: S) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/multilinetextalignment(_:)
  public nonisolated func multilineTextAlignment(_ alignment: TextAlignment) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/padding(_:)
  public nonisolated func padding() -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/frame(minwidth:idealwidth:maxwidth:minheight:idealheight:maxheight:alignment:)
  public nonisolated func frame(maxWidth: CGFloat? = nil, minHeight: CGFloat? = nil) -> some View {
    self
  }
  /// https://developer.apple.com/documentation/swiftui/view/monospaceddigit()
  public nonisolated func monospacedDigit() -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/background(_:in:fillstyle:)
  public nonisolated func background<S: ShapeStyle>(_ style: S, in shape: RoundedRectangle)
    -> some View
  { self }
  /// https://developer.apple.com/documentation/swiftui/view/overlay(alignment:content:)
  public nonisolated func overlay<V: View>(@ViewBuilder content: () -> V) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/ignoressafearea(_:edges:)
  public nonisolated func ignoresSafeArea() -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/tabitem(_:)
  public nonisolated func tabItem<V: View>(@ViewBuilder _ label: () -> V) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/navigationtitle(_:)
  public nonisolated func navigationTitle(_ titleKey: LocalizedStringKey) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/disabled(_:)
  public nonisolated func disabled(_ disabled: Bool) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/environmentobject(_:)
  public nonisolated func environmentObject<T: ObservableObject>(_ object: T) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/accessibilityhidden(_:)
  public nonisolated func accessibilityHidden(_ hidden: Bool) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/accessibilitylabel(_:)
  public nonisolated func accessibilityLabel(_ labelKey: LocalizedStringKey) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/accessibilityvalue(_:)
  public nonisolated func accessibilityValue(_ value: String) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/accessibilityaddtraits(_:)
  public nonisolated func accessibilityAddTraits(_ traits: AccessibilityTraits) -> some View {
    self
  }
  /// https://developer.apple.com/documentation/swiftui/view/accessibilityelement(children:)
  public nonisolated func accessibilityElement(children: AccessibilityChildBehavior = .ignore)
    -> some View
  { self }
  /// https://developer.apple.com/documentation/swiftui/view/textselection(_:)
  public nonisolated func textSelection(_ selectability: EnabledTextSelectability) -> some View {
    self
  }
  /// https://developer.apple.com/documentation/swiftui/view/buttonstyle(_:)
  public nonisolated func buttonStyle(_ style: BorderedProminentButtonStyle) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/onappear(perform:)
  public nonisolated func onAppear(perform action: (() -> Void)? = nil) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/ondisappear(perform:)
  public nonisolated func onDisappear(perform action: (() -> Void)? = nil) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/task(priority:_:)
  public nonisolated func task(
    @_inheritActorContext _ action: @escaping @Sendable () async -> Void
  ) -> some View { self }
  /// https://developer.apple.com/documentation/swiftui/view/task(id:priority:_:)
  public nonisolated func task<T: Equatable>(
    id value: T, @_inheritActorContext _ action: @escaping @Sendable () async -> Void
  ) -> some View { self }
}

extension EnabledTextSelectability {
  /// https://developer.apple.com/documentation/swiftui/textselectability/enabled
  public static let enabled = EnabledTextSelectability()
}

extension BorderedProminentButtonStyle {
  /// https://developer.apple.com/documentation/swiftui/primitivebuttonstyle/borderedprominent
  public static let borderedProminent = BorderedProminentButtonStyle()
}

/// https://developer.apple.com/documentation/swiftui/scene
@MainActor @preconcurrency public protocol Scene {}

/// https://developer.apple.com/documentation/swiftui/scenebuilder
@resultBuilder
public enum SceneBuilder {
  /// https://developer.apple.com/documentation/swiftui/scenebuilder/buildblock(_:)
  public static func buildBlock<Content: Scene>(_ content: Content) -> Content { content }
}

/// https://developer.apple.com/documentation/swiftui/app
@MainActor @preconcurrency public protocol App {
  /// https://developer.apple.com/documentation/swiftui/app/body-swift.associatedtype
  associatedtype Body: Scene
  /// https://developer.apple.com/documentation/swiftui/app/body-swift.property
  @SceneBuilder var body: Body { get }
  /// https://developer.apple.com/documentation/swiftui/app/init()
  init()
}
extension App {
  /// https://developer.apple.com/documentation/swiftui/app/main()
  public static func main() { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/windowgroup
public struct WindowGroup<Content: View>: Scene {
  /// https://developer.apple.com/documentation/swiftui/windowgroup/init(content:)
  public nonisolated init(@ViewBuilder content: @escaping () -> Content) { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/uiviewrepresentable
@MainActor @preconcurrency public protocol UIViewRepresentable: View where Body == Never {
  /// https://developer.apple.com/documentation/swiftui/uiviewrepresentable/uiviewtype
  associatedtype UIViewType: UIView
  /// https://developer.apple.com/documentation/swiftui/uiviewrepresentable/makeuiview(context:)
  func makeUIView(context: Context) -> UIViewType
  /// https://developer.apple.com/documentation/swiftui/uiviewrepresentable/updateuiview(_:context:)
  func updateUIView(_ uiView: UIViewType, context: Context)
  /// https://developer.apple.com/documentation/swiftui/uiviewrepresentable/context
  typealias Context = UIViewRepresentableContext<Self>
}
extension UIViewRepresentable {
  /// https://developer.apple.com/documentation/swiftui/view/body-8kl5o
  public var body: Never { fatalError() }
}

/// https://developer.apple.com/documentation/swiftui/uiviewrepresentablecontext
public struct UIViewRepresentableContext<Representable: UIViewRepresentable> {}
