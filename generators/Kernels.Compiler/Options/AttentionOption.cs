using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

/// <content>What the compiler must know of an option.</content>
internal abstract partial class AttentionOption
{
    /// <summary>
    /// A spec with a value of the attribute's, or null where the property is not the option's or the value of another type.
    /// </summary>
    public abstract AttentionSpec? Parse(AttentionSpec spec, string property, object value);

    /// <summary>A shape with what the spec says of the option, its defaults resolved.</summary>
    public abstract AttentionShape Resolve(AttentionSpec spec, AttentionShape shape);

    /// <summary>Finds what is wrong with the option's values.</summary>
    public virtual void Validate(AttentionSpec spec, SpecReport report)
    {
    }

    /// <summary>A spec with the nearest values that are none too wrong to declare members for.</summary>
    public virtual AttentionSpec Mend(AttentionSpec spec) => spec;

    /// <summary>What it is called, for people.</summary>
    public abstract string Describe(AttentionShape shape);

    /// <summary>What sets it in an initializer of the shape in C#; empty where the constructor does.</summary>
    public virtual string Initializer(AttentionShape shape) => $"{Name} = true";

    /// <summary>The runtime's type of what a launch is given, and what it is, for people; null where it is given nothing.</summary>
    public virtual (string Type, string Summary)? HostInput(AttentionShape shape) => null;

    /// <summary>What it does to a score, or null.</summary>
    public virtual ScoreStep? Step(AttentionShape shape) => null;

    /// <summary>Whether <see cref="Step"/> comes before the user's function on scores: where it is part of what makes a score.</summary>
    public virtual bool StepsBeforeMod => false;

    /// <summary>For which reason it hides keys, or null.</summary>
    public virtual MaskTerm? Term(AttentionShape shape) => null;

    /// <summary>The condition under which templates speak of it: its name in lower case, with underscores between words.</summary>
    public string Condition => string.Concat(Name.Select((c, i) => (i > 0 && char.IsUpper(c) ? "_" : "") + char.ToLowerInvariant(c)));
}
