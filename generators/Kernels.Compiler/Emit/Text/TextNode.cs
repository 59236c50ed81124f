namespace Kernels.Compiler.Emit.Text;

/// <summary>A line of text with holes.</summary>
/// <param name="Line">Where it stands.</param>
/// <param name="Indent">What stands before its first character.</param>
/// <param name="Text">What follows.</param>
internal sealed record TextNode(int Line, string Indent, FilledText Text) : TemplateNode(Line);
