using System.Runtime.CompilerServices;
using System.Text;

namespace Kernels.Decoding;

/// <summary>One rendering of a template: where it is, what it has written, and how much it may still do.</summary>
internal sealed class JinjaRun
{
    /// <summary>Steps of a rendering: nodes that are evaluated, and elements and pieces of texts that operations go through.</summary>
    public const long LeastSteps = 10_000_000;

    /// <summary>Characters of all texts that a rendering makes, what it writes among them.</summary>
    public const long LeastCharacters = 64 << 20;

    /// <summary>How many more of both it has for each byte that it is given.</summary>
    public const long MoreOfByte = 64;

    /// <summary>Calls of macros inside each other, and values inside each other.</summary>
    public const int MaxDepth = 200;

    /// <summary>Numbers of a range, as Jinja2's sandbox allows.</summary>
    public const int MaxRange = 100_000;

    // What a step goes through of a text.
    private const int CharactersOfStep = 16;

    private readonly long maxSteps;
    private readonly long maxCharacters;
    private long steps;
    private long characters;

    /// <param name="now">The time that the template is told.</param>
    /// <param name="bytes">Bytes of what it is given.</param>
    public JinjaRun(DateTime now, long bytes)
    {
        Now = now;
        maxSteps = LeastSteps + (MoreOfByte * bytes);
        maxCharacters = LeastCharacters + (MoreOfByte * bytes);
    }

    /// <summary>The time that the template is told.</summary>
    public DateTime Now { get; }

    /// <summary>The line that runs.</summary>
    public int Line { get; set; } = 1;

    /// <summary>Macros under way.</summary>
    public int Depth { get; set; }

    /// <summary>What is written to; blocks that are kept have one of their own.</summary>
    public StringBuilder Output { get; private set; } = new();

    /// <summary>Counts a node, and checks that there is stack left for it.</summary>
    public void Step(int line)
    {
        Line = line;
        if (++steps > maxSteps)
        {
            throw Exceeded($"it takes more than {maxSteps:N0} steps");
        }

        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw Exceeded("its expressions or calls are nested too deeply");
        }
    }

    /// <summary>Counts elements that an operation goes through.</summary>
    public void Charge(long elements)
    {
        steps += elements;
        if (steps > maxSteps)
        {
            throw Exceeded($"it takes more than {maxSteps:N0} steps");
        }
    }

    /// <summary>Counts the reading of a text.</summary>
    public void Read(string text) => Charge(text.Length / CharactersOfStep);

    /// <summary>Counts characters that are about to be made.</summary>
    public void Allocate(long count)
    {
        characters += count;
        if (count < 0 || characters > maxCharacters)
        {
            throw Exceeded($"it makes more than {maxCharacters:N0} characters");
        }
    }

    /// <summary>Writes a text.</summary>
    public void Write(string text)
    {
        Allocate(text.Length);
        Output.Append(text);
    }

    /// <summary>What is written meanwhile.</summary>
    public string Capture(Action write)
    {
        StringBuilder outer = Output;
        Output = new StringBuilder();
        try
        {
            write();
            return Output.ToString();
        }
        finally
        {
            Output = outer;
        }
    }

    /// <summary>An operation that cannot be done.</summary>
    public ChatTemplateException Fail(string message) => new(ChatTemplateFault.Value, Line, message);

    /// <summary>The same for values inside each other.</summary>
    public void CheckDepth(int depth)
    {
        if (depth > MaxDepth)
        {
            throw Exceeded($"values or calls are nested more than {MaxDepth} times");
        }
    }

    private ChatTemplateException Exceeded(string message) => new(ChatTemplateFault.Limit, Line, message);
}
