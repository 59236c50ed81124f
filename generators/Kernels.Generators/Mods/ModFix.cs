namespace Kernels.Generators.Mods;

/// <summary>What would mend a finding on a mod: how a code fix is told of it, as text.</summary>
/// <param name="Kind">One of the kinds below.</param>
/// <param name="Text">C# that the kind needs.</param>
internal sealed record ModFix(string Kind, string Text = "")
{
    /// <summary>The method gets the modifier <c>static</c>.</summary>
    public const string AddStatic = "AddStatic";

    /// <summary>The expression becomes the text.</summary>
    public const string Replace = "Replace";

    /// <summary>The statement becomes the text.</summary>
    public const string ReplaceStatement = "ReplaceStatement";

    /// <summary>The declared type becomes the text.</summary>
    public const string ChangeType = "ChangeType";

    /// <summary>The parameter loses its default.</summary>
    public const string DropDefault = "DropDefault";

    /// <summary>The parameter is passed by value.</summary>
    public const string DropModifiers = "DropModifiers";

    /// <summary>The called method is MathF's.</summary>
    public const string CallMathF = "CallMathF";

    /// <summary>The field, whose place in the file is the text, becomes a const.</summary>
    public const string MakeConst = "MakeConst";
}
