// How the evaluation of echo-tiny words its statements and questions: familiar wordings, and wordings training never contained.

import type { ValueKind } from "./echo-tiny-values.ts";

/** Wordings that training contains too, and wordings that only the evaluation has. */
export type Wordings = { familiar: readonly string[]; fresh: readonly string[] };

export type FactWordings = {
  kind: ValueKind;
  tell: Wordings;
  change: readonly string[];
  ask: Wordings;
};

export const facts: readonly FactWordings[] = [
  {
    kind: "name",
    tell: {
      familiar: ["My name is {}.", "my name is {}", "I'm {}."],
      fresh: [
        "People around here know me as {}.",
        "For the record, the name is {}.",
        "You may address me as {}.",
      ],
    },
    change: ["Actually, my name is {}.", "I changed my name, it is {} now."],
    ask: {
      familiar: ["What is my name?", "what is my name", "What's my name?"],
      fresh: [
        "Could you remind me what name I gave you?",
        "By what name do I go?",
        "Now what was I called?",
        "Which name should be on my badge?",
      ],
    },
  },
  {
    kind: "city",
    tell: {
      familiar: ["I live in {}.", "i live in {}", "My home is in {}."],
      fresh: [
        "These days you can find me living in {}.",
        "I settled down in {} some years ago.",
        "{} is the place I call home.",
      ],
    },
    change: ["I moved to {}.", "I live in {} now."],
    ask: {
      familiar: ["Where do I live?", "where do i live", "Which city do I live in?"],
      fresh: [
        "In what town can I be found?",
        "What place do I call home?",
        "Any memory of where my house is?",
        "Where would you find my front door?",
      ],
    },
  },
  {
    kind: "colour",
    tell: {
      familiar: [
        "My favourite colour is {}.",
        "my favorite color is {}",
        "I like the colour {} best.",
      ],
      fresh: [
        "If I had to pick one colour, it would be {}.",
        "No colour beats {} for me.",
        "The colour I adore is {}.",
      ],
    },
    change: ["My favourite colour is {} now.", "Actually, my favourite colour is {}."],
    ask: {
      familiar: [
        "What is my favourite colour?",
        "what's my favorite color",
        "Which colour do I like best?",
      ],
      fresh: [
        "Do you recall the colour I prefer?",
        "Which colour would I choose for a wall?",
        "Name the colour that I love most.",
        "What colour am I fond of?",
      ],
    },
  },
  {
    kind: "food",
    tell: {
      familiar: ["My favourite food is {}.", "I love eating {}.", "my favorite food is {}"],
      fresh: [
        "Nothing tastes better to me than {}.",
        "I could eat {} every single day.",
        "The dish I enjoy most is {}.",
      ],
    },
    change: ["My favourite food is {} now.", "Actually, my favourite food is {}."],
    ask: {
      familiar: ["What is my favourite food?", "what do i like to eat", "What's my favorite food?"],
      fresh: [
        "Which dish do I enjoy the most?",
        "What should be cooked for me?",
        "What do I like most on my plate?",
        "What meal makes me happy?",
      ],
    },
  },
  {
    kind: "job",
    tell: {
      familiar: ["I work as a {}.", "My job is {}.", "i am a {} by profession"],
      fresh: ["I earn my money as a {}.", "By trade I am a {}.", "They pay me to be a {}."],
    },
    change: ["I work as a {} now.", "I changed jobs, I am a {} now."],
    ask: {
      familiar: ["What is my job?", "what do i do for a living", "What do I work as?"],
      fresh: [
        "How do I earn my money?",
        "Could you tell me which profession is mine?",
        "What line of work am I in?",
        "What kind of work did I say I do?",
      ],
    },
  },
  {
    kind: "petName",
    tell: {
      familiar: ["My pet's name is {}.", "My pet is called {}.", "I have a pet named {}."],
      fresh: [
        "My little pet answers to {}.",
        "At home my pet {} waits for me.",
        "Our pet was christened {}.",
      ],
    },
    change: ["I have a new pet, it is called {}.", "My new pet is called {}."],
    ask: {
      familiar: ["What is my pet's name?", "what is my pet called", "What is the name of my pet?"],
      fresh: [
        "How do I call my pet?",
        "Which name does my pet have?",
        "My pet answers to what?",
        "Can you say what we named our pet?",
      ],
    },
  },
  {
    kind: "age",
    tell: {
      familiar: ["I am {} years old.", "My age is {}.", "i'm {} years old"],
      fresh: [
        "I have just turned {}.",
        "There were {} candles on my last birthday cake.",
        "I have been alive for {} years.",
      ],
    },
    change: ["I am {} years old now.", "Actually, I am {} years old."],
    ask: {
      familiar: ["How old am I?", "how old am i", "What is my age?"],
      fresh: [
        "What is the number of my years?",
        "Tell me the age I mentioned.",
        "Do you recall how old I said I was?",
        "What age did I give you?",
      ],
    },
  },
  {
    kind: "number",
    tell: {
      familiar: ["My lucky number is {}.", "my lucky number is {}"],
      fresh: [
        "As for my lucky number, I chose {}.",
        "{} has always been my lucky number.",
        "The number {} is my lucky number.",
      ],
    },
    change: ["My lucky number is {} now.", "Actually, my lucky number is {}."],
    ask: {
      familiar: ["What is my lucky number?", "what's my lucky number", "Tell me my lucky number."],
      fresh: [
        "Which lucky number did I choose?",
        "I forgot which lucky number is mine.",
        "My lucky number, what was it?",
        "Do you still have my lucky number?",
      ],
    },
  },
];

/** Turns about something else, put between a fact and its question. */
export const asides: readonly (readonly [string, string])[] = [
  ["Thanks!", "You are welcome!"],
  ["It has been raining here since Tuesday.", "I see."],
  ["I repaired the fence this morning.", "I see."],
  ["How are you doing?", "I am doing well, thank you."],
  ["My sister visits me every summer.", "I see."],
  ["The bus came late again.", "I see."],
  ["ok", "All right."],
  ["I read three books last month.", "I see."],
];

export const greetings: Wordings = {
  familiar: ["Hi", "Hello", "hey", "Good morning!", "hi there"],
  fresh: [
    "Heya",
    "Hello Echo, nice to see you!",
    "Greetings, friend.",
    "A very good evening to you",
    "hello hello echo, good to be here",
    "Top of the morning to you",
    "Hi hi!",
    "Hello and good day, dear Echo",
    "hey hey hey",
  ],
};

export const identities: Wordings = {
  familiar: [
    "Who are you?",
    "what are you",
    "What is your name?",
    "Hello, who are you?",
    "tell me about yourself",
  ],
  fresh: [
    "And you are?",
    "Please introduce yourself to me in short.",
    "Am I talking to a person or to a program?",
    "What do they call you?",
    "May I ask who is answering me?",
    "What sort of assistant have I got here?",
    "whom am i speaking with",
    "Sum yourself up in one sentence.",
    "How may I address you?",
  ],
};

/** Questions about Echorator; an answer has to contain one word of every group. */
export const echoratorQuestions: readonly {
  ask: Wordings;
  expect: readonly (readonly string[])[];
}[] = [
  {
    ask: {
      familiar: ["What is Echorator?", "what is echorator"],
      fresh: ["Explain Echorator to a newcomer.", "What does the Echorator project do?"],
    },
    expect: [["language models"], ["own", "memory"]],
  },
  {
    ask: {
      familiar: ["Which port does the main API use?", "What port is the main API on?"],
      fresh: ["On what port can I reach the main API?", "the main api listens on which port"],
    },
    expect: [["5000"]],
  },
  {
    ask: {
      familiar: ["Which port does the Ollama API use?", "What port is Ollama on?"],
      fresh: ["At which port do Ollama clients connect?", "where does the ollama api listen"],
    },
    expect: [["11434"]],
  },
  {
    ask: {
      familiar: ["Which ports are used?", "What ports does Echorator use?"],
      fresh: [
        "List the ports that Echorator opens.",
        "Which ports do I have to open for Echorator?",
      ],
    },
    expect: [["5000"], ["11434"]],
  },
  {
    ask: {
      familiar: ["How do I add a model?", "how can i add a model"],
      fresh: [
        "I want another model, what must I do?",
        "What are the steps to install one more model?",
      ],
    },
    expect: [["stacks/Pulumi.local.yaml"], ["npm run up"]],
  },
  {
    ask: {
      familiar: ["Where is memory kept?", "Where is my memory stored?"],
      fresh: ["In which place do my memories end up?", "What file holds the memory on disk?"],
    },
    expect: [["~/.echorator"], ["SQLite"]],
  },
  {
    ask: {
      familiar: ["How do I stop Echorator?", "how do i stop it"],
      fresh: ["What is the way to shut Echorator down?", "Which command ends Echorator?"],
    },
    expect: [["npm run down"]],
  },
  {
    ask: {
      familiar: ["How do I start Echorator?", "how do i start it"],
      fresh: ["What is the way to bring Echorator up?", "Which command launches Echorator?"],
    },
    expect: [["npm run up"]],
  },
  {
    ask: {
      familiar: ["Which clients work with Echorator?", "What clients can I use?"],
      fresh: ["Can my Ollama programs talk to you?", "Which client software is compatible?"],
    },
    expect: [["Ollama"], ["OpenAI"]],
  },
  {
    ask: {
      familiar: ["What is Deep Tree Echo?", "what is deep tree echo"],
      fresh: [
        "Tell me what the Deep Tree Echo part is about.",
        "Deep Tree Echo, what does that do?",
      ],
    },
    expect: [["memory", "cognitive", "remember"]],
  },
  {
    ask: {
      familiar: ["What is GGUF?", "what is a gguf file"],
      fresh: ["What does a GGUF file contain?", "Explain the GGUF format."],
    },
    expect: [["weights"], ["llama.cpp", "file"]],
  },
  {
    ask: {
      familiar: ["What is Pulumi used for?", "Why does Echorator use Pulumi?"],
      fresh: ["What role has Pulumi in Echorator?", "For what do you need Pulumi?"],
    },
    expect: [["models"], ["run", "where", "program"]],
  },
];

/** Ways in which a model may say that it does not know. */
export const unknownPhrases: readonly string[] = [
  "don't know",
  "do not know",
  "not told me",
  "haven't told",
  "not sure",
  "no idea",
];

export type ToolCase = {
  tool: { name: string; description: string; parameters: readonly string[] };
  ask: Wordings;
  kinds: readonly ValueKind[];
  result: { key: string; text: string };
};

export const tools: readonly ToolCase[] = [
  {
    tool: {
      name: "get_weather",
      description: "Get the current weather of a city",
      parameters: ["city"],
    },
    kinds: ["city"],
    result: { key: "temperature", text: "temperature" },
    ask: {
      familiar: ["What is the weather in {}?", "what's the weather like in {}"],
      fresh: [
        "Will I need an umbrella in {}?",
        "How is the weather over in {} right now?",
        "Give me the weather report of {}.",
      ],
    },
  },
  {
    tool: { name: "get_time", description: "Get the local time of a city", parameters: ["city"] },
    kinds: ["city"],
    result: { key: "hour", text: "hour" },
    ask: {
      familiar: ["What time is it in {}?", "what is the time in {}"],
      fresh: [
        "Tell me the current local time of {}.",
        "I have to call {}, what time do they have?",
      ],
    },
  },
  {
    tool: {
      name: "find_contact",
      description: "Find the phone number of a person",
      parameters: ["person"],
    },
    kinds: ["name"],
    result: { key: "phone", text: "phone" },
    ask: {
      familiar: ["What is the phone number of {}?", "Find the phone number of {}."],
      fresh: ["I need to phone {}, which number?", "Have you got a phone number for {}?"],
    },
  },
  {
    tool: { name: "add_numbers", description: "Add two numbers", parameters: ["a", "b"] },
    kinds: ["number", "number"],
    result: { key: "sum", text: "sum" },
    ask: {
      familiar: ["Add {} and {}.", "What is {} plus {}?"],
      fresh: ["Please sum up {} and {}.", "How much do {} and {} make when added?"],
    },
  },
  {
    tool: {
      name: "book_table",
      description: "Book a table at a restaurant",
      parameters: ["restaurant", "guests"],
    },
    kinds: ["name", "age"],
    result: { key: "booking", text: "booking" },
    ask: {
      familiar: ["Book a table at {} for {} guests.", "Book a table at {} for {}."],
      fresh: [
        "We want to eat at {}, please book a table for {} guests.",
        "Find a free table at {} and reserve it for {} guests.",
      ],
    },
  },
  {
    tool: {
      name: "lookup_recipe",
      description: "Look up a recipe for a dish",
      parameters: ["dish"],
    },
    kinds: ["food"],
    result: { key: "minutes", text: "minutes" },
    ask: {
      familiar: ["Look up a recipe for {}.", "Find a recipe for {}."],
      fresh: ["I would like to cook {}, any recipe?", "Which recipe do you have for {}?"],
    },
  },
  {
    tool: {
      name: "get_stock",
      description: "Get how many items of a product are in stock",
      parameters: ["product"],
    },
    kinds: ["petName"],
    result: { key: "count", text: "count" },
    ask: {
      familiar: ["How many {} are in stock?", "Get the stock of {}."],
      fresh: ["Do we still have the product {} in stock?", "Check the stock for product {}."],
    },
  },
];

/** Parts of a sentence about a person, for each key of a schema. */
export const clauses: Record<
  string,
  { kind: ValueKind; familiar: readonly string[]; fresh: readonly string[] }
> = {
  age: {
    kind: "age",
    familiar: ["is {} years old", "is {}"],
    fresh: ["has reached the age of {}", "just celebrated birthday number {}"],
  },
  city: {
    kind: "city",
    familiar: ["lives in {}"],
    fresh: ["has a flat in {}", "makes a home in {}"],
  },
  job: {
    kind: "job",
    familiar: ["works as a {}"],
    fresh: ["makes a living as a {}", "is employed as a {}"],
  },
  pet: {
    kind: "petKind",
    familiar: ["has a pet {}", "has a {} as a pet"],
    fresh: ["keeps a {} as pet", "shares the house with a pet {}"],
  },
  colour: {
    kind: "colour",
    familiar: ["likes the colour {}", "loves the colour {}"],
    fresh: ["prefers the colour {}", "paints everything in the colour {}"],
  },
  food: {
    kind: "food",
    familiar: ["likes to eat {}", "loves eating {}"],
    fresh: ["enjoys {} for dinner", "never says no to a plate of {}"],
  },
};

export const sentenceStarts: Wordings = {
  familiar: ["{}", "Extract the person: {}", "Describe this person as JSON: {}"],
  fresh: [
    "Please turn this into structured data. {}",
    "Here is what I know: {}",
    "Parse the following. {}",
    "Fill in the form from this text: {}",
  ],
};
