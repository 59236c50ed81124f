namespace Kernels.Compiler.Specs;

/// <summary>Changes to an attribute that belong together and make a finding go away.</summary>
internal sealed record SpecFix(EquatableArray<OptionChange> Changes)
{
    /// <summary>Sets one option.</summary>
    public static SpecFix Set(string option, string value) => new(new EquatableArray<OptionChange>([new OptionChange(option, value)]));

    /// <summary>Leaves options out.</summary>
    public static SpecFix LeaveOut(params string[] options) =>
        new(new EquatableArray<OptionChange>(options.Select(option => new OptionChange(option, ""))));

    /// <summary>What the fix does, for a menu.</summary>
    public string Title => string.Join(" and ", Changes.Select((change, i) =>
    {
        string text = change.Value.Length == 0 ? $"leave {change.Option} out" : $"set {change.Option} to {change.Value}";
        return i == 0 ? char.ToUpperInvariant(text[0]) + text.Substring(1) : text;
    }));

    /// <summary>One line of text that <see cref="Parse"/> reads: a diagnostic carries its fixes as text.</summary>
    public string Serialize() => string.Join(";", Changes.Select(change => $"{change.Option}={change.Value}"));

    public static SpecFix Parse(string text) => new(new EquatableArray<OptionChange>(text.Split(';').Select(part =>
    {
        int at = part.IndexOf('=');
        return new OptionChange(part.Substring(0, at), part.Substring(at + 1));
    })));
}
